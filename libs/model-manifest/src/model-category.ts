/** What a model makes; each category is a folder of the store. */
export const MODEL_CATEGORIES = ['image', 'video', 'audio', 'language'] as const;
export type ModelCategory = (typeof MODEL_CATEGORIES)[number];
