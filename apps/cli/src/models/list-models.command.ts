import { readModels } from '@function-runner/model-store';
import { alignColumns } from '../terminal/align-columns.js';
import { byteSize } from '../terminal/byte-size.js';
import type { Terminal } from '../terminal/terminal.js';

/** `runner models list`: every version of every model. @returns whether the whole store could be read. */
export async function listModels(root: string, terminal: Terminal): Promise<boolean> {
  const { models, faults } = await readModels(root);
  if (models.length === 0) terminal.out(`no model in ${root}; install the reference models with: npx runner models init`);
  const rows = models.map(({ manifest, current }) => [
    manifest.id, manifest.version, current ? 'in use' : 'older', manifest.type, manifest.license ?? 'no licence named',
    byteSize(manifest.files.reduce((sum, { size }) => sum + size, 0)),
  ]);
  for (const line of alignColumns(rows)) terminal.out(line);
  for (const fault of faults) terminal.err(fault);
  return faults.length === 0;
}
