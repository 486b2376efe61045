import { resolve } from 'node:path';

/** The checkout's folder of pipelines; this file lies four folders below the checkout in `src` and in `dist` alike. */
export const PIPELINES_FOLDER = resolve(import.meta.dirname, '../../../../pipelines');

/** The worker's program that looks for what nobody owns; built with the worker. */
export const REAP_PROGRAM = resolve(import.meta.dirname, '../../../worker/dist/reap.js');
