// @ts-check
// The floor's door: a Socket.IO server that queues what it is asked for and passes on what it hears. The least that does
// the job: no framework, no checks, no record, no log. Not part of the product.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { CHANNEL, QUEUE, readFloorSettings } from './floor-settings.mjs';

const { redisUrl, port, events } = readFloorSettings(process.env);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, enableAutoPipelining: true });
const subscriber = new Redis(redisUrl);
const queue = new Queue(QUEUE, { connection: redis, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
const queuedEvents = events.filter(({ payload }) => payload.status === 'queued');

const http = createServer((_request, response) => response.end('ok'));
const io = new Server(http);
/** @type {Map<string, import('socket.io').Socket>} */
const starters = new Map();

io.on('connection', (socket) => {
  socket.on('start_generation', async (request, acknowledge) => {
    const taskId = randomUUID();
    const { nodeId, projectId } = request;
    starters.set(taskId, socket);
    await Promise.all([
      queue.add('generate', { ...request, taskId }, { jobId: taskId }),
      ...queuedEvents.map(({ name, payload }, index) => redis.publish(CHANNEL, JSON.stringify({ name, payload: { taskId, nodeId, projectId, seq: index + 1, ...payload, timestamp: new Date().toISOString() } }))),
    ]);
    const answer = { taskId, nodeId, status: 'queued' };
    socket.emit('task_acknowledged', answer);
    acknowledge(answer);
  });
});

subscriber.on('message', (_channel, text) => {
  const { name, payload } = JSON.parse(text);
  const socket = starters.get(payload.taskId);
  if (name === 'task_success') starters.delete(payload.taskId);
  socket?.emit(name, payload);
});
await subscriber.subscribe(CHANNEL);
await queue.waitUntilReady();
http.listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
