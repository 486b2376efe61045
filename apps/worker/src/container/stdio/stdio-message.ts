/** What a pipeline says on stdout, protocol §5; everything else it prints is log. */
export type StdioMessage =
  | { type: 'progress'; progress: number; step: string | undefined }
  | { type: 'preview'; mediaType: string; width?: number; height?: number; data: string }
  | { type: 'output'; path: string; mediaType: string | undefined }
  | { type: 'metric'; name: string; value: number }
  | { type: 'log'; level: string; message: string }
  | { type: 'error'; code: string; message: string }
  | { type: 'done' }
  | { type: 'ready' };

/** Characters of a step that reach a client. */
const MAX_STEP_LENGTH = 200;

/** Base64 characters of a preview, about 384 KiB of picture. */
const MAX_PREVIEW_LENGTH = 512 * 1024;

const PREVIEW_MEDIA_TYPES = new Set(['image/png', 'image/jpeg', 'image/webp']);

/**
 * Reads one line of a pipeline's stdout. Undefined for any line that is no well-formed message: it is log then.
 * Nothing in it is trusted: numbers are bounded, texts cut, and there is no field that could name another task.
 */
export function parseStdioLine(line: string): StdioMessage | undefined {
  if (!line.startsWith('{')) return undefined;
  let plain: unknown;
  try {
    plain = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof plain !== 'object' || plain === null) return undefined;
  const { type, progress, step, mediaType, width, height, data, path, name, value, level, message, code } = plain as Record<string, unknown>;
  switch (type) {
    case 'progress':
      if (typeof progress !== 'number' || !Number.isFinite(progress)) return undefined;
      return { type, progress: round(Math.min(100, Math.max(0, progress))), step: typeof step === 'string' ? clean(step, MAX_STEP_LENGTH) : undefined };
    case 'preview':
      if (typeof mediaType !== 'string' || !PREVIEW_MEDIA_TYPES.has(mediaType)) return undefined;
      if (typeof data !== 'string' || data.length > MAX_PREVIEW_LENGTH || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) return undefined;
      return { type, mediaType, data, ...(isSide(width) ? { width } : {}), ...(isSide(height) ? { height } : {}) };
    case 'output':
      return typeof path === 'string' && path !== '' && path.length <= 1024
        ? { type, path, mediaType: typeof mediaType === 'string' && /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/.test(mediaType) ? mediaType : undefined }
        : undefined;
    case 'metric':
      return typeof name === 'string' && /^[A-Za-z_][A-Za-z0-9_.]{0,63}$/.test(name) && typeof value === 'number' && Number.isFinite(value) ? { type, name, value } : undefined;
    case 'log':
      return { type, level: typeof level === 'string' ? clean(level, 16) : 'info', message: clean(typeof message === 'string' ? message : '', 4096) };
    case 'error':
      return { type, code: typeof code === 'string' ? clean(code, 64) : '', message: clean(typeof message === 'string' ? message : 'no message', 2000) };
    case 'done':
    case 'ready':
      return { type };
    default:
      return undefined;
  }
}

/** Two decimals are more than a progress bar shows, and keep equal reports equal. */
function round(progress: number): number {
  return Math.round(progress * 100) / 100;
}

function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

/** Control characters out, lone surrogates mended, length bounded: fit for JSON, a log and a screen. */
function clean(text: string, length: number): string {
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is taken out
  return text.slice(0, length).replace(/[\u0000-\u001f\u007f]+/g, ' ').replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
