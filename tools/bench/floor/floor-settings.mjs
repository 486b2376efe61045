// @ts-check
// What both processes of the floor are told, and what they call things.

export const QUEUE = 'floor';
export const CHANNEL = 'floor:events';

/**
 * An event that the floor sends for every task, after the product's own: the same number, names and fields.
 * @typedef {{ name: string, payload: Record<string, unknown> }} FloorEvent
 */

/** @param {NodeJS.ProcessEnv} env */
export function readFloorSettings(env) {
  return {
    redisUrl: env.FLOOR_REDIS_URL ?? '',
    port: Number(env.FLOOR_PORT),
    concurrency: Number(env.FLOOR_CONCURRENCY),
    events: /** @type {FloorEvent[]} */ (JSON.parse(env.FLOOR_EVENTS ?? '[]')),
  };
}
