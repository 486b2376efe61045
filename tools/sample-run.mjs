// @ts-check
// The sample that `npm start` runs: a real photo, halved, goes through the editor's own way in — project over REST,
// node over Socket.IO — and comes back as a take. Progress is shown as the client receives it.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import sharp from 'sharp';
import { progressLine } from './sample-progress.mjs';

const PHOTO = fileURLToPath(new URL('../examples/photos/chelsea.png', import.meta.url));

const PROJECT = { id: 'sample-film', name: 'Sample Film', quality: 'standard' };
const PLATE = 'plates/chelsea.png';

/** The longest that the sample may take: a slow machine needs seconds, not minutes. */
const TIMEOUT_MS = 300_000;

/**
 * Runs the sample to its take.
 * @param {{ apiUrl: string, workspaceRoot: string, print: (text: string) => void }} options
 * @returns {Promise<{ takePath: string }>} where the take's picture lies on this machine
 */
export async function runSample({ apiUrl, workspaceRoot, print }) {
  const { width, height } = await makePlate(join(workspaceRoot, PROJECT.name));
  await putProject(apiUrl);
  print(`Sample: image_upscale of ${PLATE} (${width} × ${height} pixels), project "${PROJECT.name}", quality ${PROJECT.quality}`);

  const socket = io(apiUrl, { transports: ['websocket'] });
  try {
    const success = await generate(socket, print);
    const [output] = success.result.outputs;
    if (!output) throw new Error('the sample ended without a picture');
    const takePath = join(workspaceRoot, success.result.outputPath.replace('/workspace/', ''), output.path);
    const after = await sharp(takePath).metadata();
    print(`Take: ${after.width} × ${after.height} pixels in ${(success.result.metadata.durationMs / 1000).toFixed(1)} s, model ${success.result.metadata.modelId} ${success.result.metadata.modelVersion}`);
    return { takePath };
  } finally {
    socket.disconnect();
  }
}

/**
 * The photo at half its size: an upscaler has something to win back.
 * @param {string} project
 */
async function makePlate(project) {
  await mkdir(join(project, 'plates'), { recursive: true });
  const { width = 0, height = 0 } = await sharp(PHOTO).metadata();
  return sharp(PHOTO).resize(Math.round(width / 2), Math.round(height / 2), { kernel: 'cubic' }).png().toFile(join(project, PLATE));
}

/** @param {string} apiUrl */
async function putProject(apiUrl) {
  const response = await fetch(`${apiUrl}/v1/projects/${PROJECT.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: PROJECT.name, quality: PROJECT.quality }),
  });
  if (!response.ok) throw new Error(`the project could not be made: ${response.status} ${await response.text()}`);
}

/**
 * @typedef {{ result: { outputPath: string, outputs: { path: string }[], metadata: { durationMs: number, modelId?: string, modelVersion?: string } } }} Success
 * @param {import('socket.io-client').Socket} socket
 * @param {(text: string) => void} print
 * @returns {Promise<Success>}
 */
function generate(socket, print) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the sample did not end within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    /** @type {(settle: () => void) => void} */
    const settle = (how) => {
      clearTimeout(timer);
      how();
    };
    let shown = '';
    socket.on('task_progress', ({ progress, step, status }) => {
      const line = progressLine(progress, status === 'running' ? step : status);
      if (line !== shown) print(line);
      shown = line;
    });
    socket.on('task_success', (payload) => settle(() => resolve(payload)));
    socket.on('task_failed', ({ code, error, logTail }) => settle(() => reject(new Error(`the sample failed with ${code}: ${error}\n${logTail.join('\n')}`))));
    socket.on('task_cancelled', () => settle(() => reject(new Error('the sample was cancelled'))));
    socket.on('task_error', ({ code, error }) => settle(() => reject(new Error(`the sample was refused with ${code}: ${error}`))));
    socket.on('connect_error', (error) => settle(() => reject(error)));
    socket.emit('start_generation', { nodeId: 'upscale-1', nodeType: 'image_upscale', projectId: PROJECT.id, parameters: { input: PLATE } });
  });
}
