import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { GpuInventory } from '../config/gpu-inventory.js';

const run = promisify(execFile);

/** How long nvidia-smi may take; a sick driver makes it hang. */
const TIMEOUT_MS = 5000;

/**
 * Whether the GPUs that readiness expects are there: `auto` is content without nvidia-smi, and fails when it is
 * installed and does not answer. @throws Error saying what nvidia-smi said
 */
export async function checkGpus(inventory: GpuInventory, program = 'nvidia-smi'): Promise<string> {
  if (inventory.source === 'none') return 'none wanted';
  if (inventory.source === 'declared') return `${inventory.devices.length} declared`;
  try {
    const { stdout } = await run(program, ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'], { timeout: TIMEOUT_MS });
    return `${stdout.split('\n').filter((line) => line.trim() !== '').length} found`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'no nvidia-smi on this machine';
    const { stdout, message } = error as { stdout?: string; message: string };
    throw new Error(`nvidia-smi failed: ${(stdout ?? '').trim() || message}`, { cause: error });
  }
}
