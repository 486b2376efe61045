import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Response } from 'express';
import type { ClientEvent } from '@function-runner/progress-protocol';
import { waitFor } from '@function-runner/testing';
import { EventStreams } from './event-streams.js';

const TASK = 'task-1';
let server: Server;
let client: Socket;
let errors: unknown[];
let responses: Response[];

beforeEach(() => {
  [errors, responses] = [[], []];
});
afterEach(async () => {
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A server whose streams are told what `tell` says, and a client that asks for one and reads nothing. */
async function serve(tell: (event: (event: ClientEvent) => void, response: Response) => Promise<void>, times: { heartbeatMs: number; stalledMs: number }): Promise<void> {
  server = createServer((_request, plain) => {
    const response = plain as Response;
    responses.push(response);
    response.on('error', (error) => errors.push(error));
    const streams = new EventStreams({
      resume: async (_taskId, _lastSeq, reader) => {
        reader.open({ taskId: TASK } as Parameters<typeof reader.open>[0]);
        reader.join();
        await tell(reader.event, response);
      },
      endStream: () => undefined,
    }, times);
    streams.open(TASK, 0, response).catch((error: unknown) => errors.push(error));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
}

/** Sends until the kernel takes no more. */
async function fill(event: (event: ClientEvent) => void, response: Response): Promise<void> {
  await waitFor('the way to be full', () => {
    const left = response.writableLength;
    for (let seq = 1; response.writableLength < 1024 * 1024; seq += 1) event({ name: 'task_progress', payload: { taskId: TASK, seq, step: 'x'.repeat(50_000) } } as ClientEvent);
    return left > 512 * 1024;
  });
}

test('a client that does not read gets no heartbeat after the end, and is cut off in the end', async () => {
  await serve(async (event, response) => {
    await fill(event, response);
    event({ name: 'task_success', payload: { taskId: TASK, seq: 9999 } } as ClientEvent);
  }, { heartbeatMs: 5, stalledMs: 300 });
  await waitFor('the end of the stream', () => responses[0]?.writableEnded === true);
  expect(responses[0]?.writableFinished).toBe(false);
  await waitFor('the client to be cut off', () => responses[0]?.destroyed === true);
  expect(errors).toEqual([]);
});

test('a client that does not read is cut off though heartbeats go on, and its task has not ended', async () => {
  await serve(fill, { heartbeatMs: 5, stalledMs: 300 });
  await waitFor('the client to be cut off', () => responses[0]?.destroyed === true);
  expect(responses[0]?.writableEnded).toBe(false);
  expect(errors).toEqual([]);
});

test('a client that reads is kept, however little there is to tell', async () => {
  await serve(() => Promise.resolve(), { heartbeatMs: 50, stalledMs: 300 });
  let read = '';
  client.setEncoding('utf8').on('data', (text: string) => (read += text));
  client.resume();
  // Longer than one that takes nothing is waited for.
  await waitFor('many heartbeats', () => read.split(': still here').length > 20);
  expect(responses[0]?.destroyed).toBe(false);
});
