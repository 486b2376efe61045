// @ts-check
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../setup/runner-paths.mjs';

const FOLDER = join(repositoryRoot, 'examples', 'traces');

/** The files of the traces that come with the product, by name. */
export const shippedTraces = () => readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort().map((name) => join(FOLDER, name));
