export { setting } from './setting.js';
export type { Parsed, Setting } from './setting.js';
export { SettingsError, readSettings } from './read-settings.js';
export type { SettingTable, SettingValues } from './read-settings.js';
export { TIER_SETTINGS, TiersFileError, loadTiers } from './load-tiers.js';
export { settingsReference } from './settings-reference.js';
