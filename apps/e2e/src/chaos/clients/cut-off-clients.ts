import { io } from 'socket.io-client';
import { waitFor } from '@function-runner/testing';
import type { FaultEffect } from '../faults/fault-record.js';
import type { ChaosEditor } from './chaos-editor.js';
import { tearDown } from './tear-down.js';

/** Cuts all clients off at once, and lets a crowd of others come and go without a word. */
export type CutOffClients = () => Promise<FaultEffect>;

const CROWD = 60;

/** A client tries on until an api takes it; both may be away for a while. */
const BACK_MS = 60_000;

export function cutOffClients(editors: readonly ChaosEditor[], urls: () => readonly string[]): CutOffClients {
  return async () => {
    await waitFor('an editor to be connected', () => editors.some(({ socketId }) => socketId !== undefined), BACK_MS);
    const before = editors.map((editor) => ({ editor, socketId: editor.socketId })).filter(({ socketId }) => socketId !== undefined);
    for (const { editor } of before) editor.cutOff();
    const crowd = await visit(urls());
    await Promise.all(before.map(({ editor, socketId }) => waitFor(`${editor.ear.name} to be back`, () => editor.socketId !== undefined && editor.socketId !== socketId, BACK_MS)));
    return { proof: `${before.length} editors lost their connection and came back by another socket, ${crowd} other sockets came and went` };
  };
}

/** Connections that are torn down as soon as they are there. @returns how many there were */
async function visit(urls: readonly string[]): Promise<number> {
  const came = await Promise.all(Array.from({ length: CROWD }, (_, index) => new Promise<boolean>((resolve) => {
    const socket = io(urls[index % urls.length] ?? '', { transports: ['websocket'], forceNew: true, reconnection: false, timeout: 5000 });
    socket.once('connect', () => {
      tearDown(socket);
      resolve(true);
    });
    socket.once('connect_error', () => resolve(false));
  })));
  return came.filter(Boolean).length;
}
