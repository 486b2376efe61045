import { join, parse, resolve } from 'node:path';
import { PipelineFailure } from './pipeline-failure.js';
import { decodeImage, inspectImage, type ImageSize } from './image-decoder.js';
import { encodeImage, FORMAT_LIMITS, MEDIA_TYPES } from './image-encoder.js';
import { maxInputPixels } from './pixel-limits.js';
import { PreviewCanvas } from './preview-canvas.js';
import type { TaskEvents } from './protocol-writer.js';
import type { Task } from './task-line.js';
import { upscaleImage } from './upscale-image.js';
import type { UpscaleModel } from './upscale-model.js';
import { readParameters, type OutputFormat } from './upscale-parameters.js';

/** Previews per task at most: each costs some 5 ms and 20 kB. */
const PREVIEWS = 10;
/** Least time between two progress lines within a tile, in ms. */
const PROGRESS_EVERY_MS = 250;

/** Where each part of the work begins on the scale of progress. */
const PROGRESS = { loading: 1, decoding: 4, tiles: 6, encoding: 95, done: 100 };

/** Longest base name taken over from the input, in UTF-8 bytes; file systems allow 255 with all endings. */
const MAX_STEM_BYTES = 200;

/** The model and how to get it, kept apart so that a server can load it once and run many tasks. */
export interface TaskModel {
  readonly scale: number;
  /** It is in memory already. */
  readonly resident?: boolean;
  load(modelsPath: string): Promise<UpscaleModel>;
}

/** One task from its parameters to the picture in `outputDir`. Rejects with a PipelineFailure, or the signal's reason. */
export async function runTask(task: Task, taskModel: TaskModel, events: TaskEvents, signal: AbortSignal): Promise<void> {
  const { input, scale, format } = readParameters(task.parameters, taskModel.scale);
  const file = resolve(task.workspacePath, input);
  events.progress(PROGRESS.loading, taskModel.resident ? 'checking the picture' : 'loading the model');
  const started = performance.now();
  // The header is read while the model loads; a refusal of the input comes before any failure of the model's.
  const loading = Promise.allSettled([taskModel.load(task.modelsPath)]);
  const wanted = wantedSize(await inspectImage(file, maxInputPixels(taskModel.scale)), scale);
  checkFormatHolds(format, wanted);
  const model = settled((await loading)[0]);
  if (!taskModel.resident) events.metric('load_ms', Math.round(performance.now() - started));

  signal.throwIfAborted();
  events.progress(PROGRESS.decoding, 'reading the picture');
  const picture = await decodeImage(file);
  if (picture.frames > 1) events.log('warn', `The input has ${picture.frames} frames: only the first is enlarged.`);
  const colours = { width: picture.width, height: picture.height, data: picture.rgb };
  const preview = await PreviewCanvas.over(colours, model.scale);

  const inferring = performance.now();
  let reported = { at: 0, tile: 0 };
  const enlarged = await upscaleImage(model, colours, {
    grey: picture.grey,
    signal,
    watcher: {
      onProgress(part, tile, tiles) {
        const now = performance.now();
        if (tile === reported.tile && now - reported.at < PROGRESS_EVERY_MS) return;
        reported = { at: now, tile };
        events.progress(PROGRESS.tiles + part * (PROGRESS.encoding - PROGRESS.tiles), `tile ${tile} of ${tiles}`);
      },
      async onTile(core, window, answer, tile, tiles) {
        preview.draw(core, window, answer);
        if (tile % Math.ceil(tiles / PREVIEWS) === 0 || tile === tiles) events.preview('image/jpeg', await preview.toJpeg());
      },
    },
  });
  events.metric('inference_ms', Math.round(performance.now() - inferring));
  events.metric('tiles', enlarged.tiles);

  events.progress(PROGRESS.encoding, 'writing the picture');
  const name = `${shorten(parse(file).name)}-x${scale}.${format === 'jpeg' ? 'jpg' : format}`;
  if (picture.alpha && format === 'jpeg') events.log('warn', 'JPEG has no transparency: the picture is put on white.');
  await encodeImage(
    {
      colours: enlarged,
      ...(picture.alpha ? { alpha: { width: picture.width, height: picture.height, data: picture.alpha } } : {}),
      ...wanted,
      format,
    },
    join(task.outputDir, name),
    signal,
  );
  events.output(name, MEDIA_TYPES[format]);
  events.progress(PROGRESS.done, 'done');
}

function checkFormatHolds(format: OutputFormat, { width, height }: ImageSize): void {
  const { side, pixels } = FORMAT_LIMITS[format];
  if (Math.max(width, height) <= side && width * height <= pixels) return;
  const limit = pixels === Infinity ? '' : ` and ${pixels / 1e6} megapixels`;
  throw new PipelineFailure(
    'VALIDATION_FAILED',
    `The result would have ${width} x ${height} pixels, but as ${format} it may have at most ${side} a side${limit}: choose png or a smaller scale.`,
  );
}

function wantedSize({ width, height }: ImageSize, scale: number): ImageSize {
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** Cuts a name to what every file system takes, between characters. */
function shorten(stem: string): string {
  let short = stem;
  while (Buffer.byteLength(short) > MAX_STEM_BYTES) short = [...short].slice(0, -1).join('');
  return short;
}

function settled<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}
