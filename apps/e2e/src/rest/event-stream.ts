import type { AppProcess } from '../stack/app-process.js';

/** An entry of a stream of server-sent events. */
export interface SentEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** Reads a task's server-sent events to the end of the stream, which the server closes after the task's last. */
export async function readEvents(app: AppProcess, taskId: string, lastEventId?: number): Promise<SentEvent[]> {
  const response = await fetch(`${app.url}/v1/tasks/${taskId}/events`, { headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) } });
  if (response.headers.get('content-type') !== 'text/event-stream') throw new Error(`no event stream: ${response.status} ${await response.text()}`);
  return (await response.text()).split('\n\n').filter((block) => block !== '' && !block.startsWith(':')).map(parseBlock);
}

function parseBlock(block: string): SentEvent {
  const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown> };
}
