import type { AppProcess } from '../stack/app-process.js';

export interface Answer {
  status: number;
  mediaType: string;
  headers: Headers;
  /** Parsed where it is JSON, else the text. */
  body: unknown;
}

/** One HTTP request to an app. */
export async function call(app: AppProcess, method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${app.url}${path}`, { method, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: text }) });
  const mediaType = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const answer = await response.text();
  return { status: response.status, mediaType, headers: response.headers, body: mediaType.endsWith('json') && answer !== '' ? JSON.parse(answer) : answer };
}
