import { readModels, readPipelines } from '@function-runner/model-store';
import { alignColumns } from '../terminal/align-columns.js';
import type { Terminal } from '../terminal/terminal.js';

/** `runner pipelines list`: the pipelines of the store and whether their models are there. @returns whether every file could be read. */
export async function listPipelines(root: string, terminal: Terminal): Promise<boolean> {
  const [{ byId, faults }, { models }] = await Promise.all([readPipelines(root), readModels(root)]);
  const installed = new Set(models.filter(({ current }) => current).map(({ manifest }) => manifest.id));
  if (byId.size === 0) terminal.out(`no pipeline in ${root}; install the reference pipelines with: npx runner models init`);
  const rows = [...byId.values()].map(({ id, container_image, model_id }) => [
    id, container_image, model_id, installed.has(model_id) ? 'model installed' : 'model not installed',
  ]);
  for (const line of alignColumns(rows)) terminal.out(line);
  for (const fault of faults) terminal.err(fault);
  return faults.length === 0;
}
