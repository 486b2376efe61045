// @ts-check
// From a trace's file to what is simulated. The format is told in examples/traces/README.md.
import { readFileSync } from 'node:fs';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { messageOf, SetupError } from '../setup/setup-error.mjs';
import { drawTasks, readKind, readStreams } from './synthetic-tasks.mjs';
import { TraceField } from './trace-field.mjs';
import { bytes, milliseconds } from './trace-units.mjs';

/** Of a task without GPU whose pipeline says nothing: a core, and what a small model takes. */
const DEFAULT_CPU = 1;
const DEFAULT_MEMORY_GIB = 2;
/** As a worker's own defaults: `WARM_CONTAINERS` and `WARM_IDLE_TIMEOUT` (docs/configuration.md). */
const DEFAULT_WARM = { perHost: 4, idleSeconds: 600 };

/** @typedef {import('@function-runner/pipeline-schema').QualityTier} QualityTier */
/** @typedef {import('@function-runner/task-contract').TaskPriority} TaskPriority */

/**
 * @typedef {object} TracePipeline
 * @property {QualityTier | undefined} tier that of its tasks where they name none
 * @property {import('@function-runner/scheduling').ResourceDemand} demand
 * @property {number} coldStartMs from the start of a container to the first of its own work; a warm one has it behind itself
 * @property {'project' | 'any' | undefined} warm for whom its container stays warm after a task; undefined: for nobody
 */

/**
 * All times are whole milliseconds from the trace's beginning, so that sums are exact.
 * @typedef {object} TraceTask
 * @property {string} taskId
 * @property {number} at when it is submitted
 * @property {string} projectId
 * @property {QualityTier} tier
 * @property {string} pipelineId
 * @property {TaskPriority} priority
 * @property {number} durationMs its own work, without a cold start
 */

/**
 * @typedef {object} TraceHost
 * @property {string} name
 * @property {readonly { id: string, name: string, vramBytes: number }[]} devices
 * @property {number} cpuMillis
 * @property {number} memoryBytes
 */

/**
 * @typedef {object} Trace
 * @property {string} name
 * @property {string} description
 * @property {readonly TraceHost[]} hosts
 * @property {Readonly<Record<QualityTier, number>>} limits how many of a tier's tasks may run at once; 0 for a tier that the trace has not
 * @property {ReadonlyMap<string, TracePipeline>} pipelines
 * @property {{ perHost: number, idleMs: number }} warm how many idle containers a host keeps, and how long
 * @property {readonly TraceTask[]} tasks in the order in which they are submitted
 */

/** @param {string} file @returns {Trace} */
export function readTraceFile(file) {
  let json;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new SetupError(`The trace ${file} cannot be read: ${messageOf(error)}.`, 'Name a JSON file as examples/traces/README.md describes it.', { cause: error });
  }
  return readTrace(json, file);
}

/**
 * @param {unknown} json
 * @param {string} file as errors shall name it
 * @returns {Trace}
 */
export function readTrace(json, file) {
  const fields = new TraceField(json, file).object(['name', 'description', 'hosts', 'tiers', 'pipelines', 'warm', 'tasks', 'synthetic']);
  const hosts = readHosts(fields.hosts);
  const limits = readLimits(fields.tiers);
  const pipelines = new Map(fields.pipelines.entries().map(([id, field]) => [id, readPipeline(field, hosts, limits)]));
  if (pipelines.size === 0) fields.pipelines.refuse('It must have a pipeline.');
  if (fields.tasks.isThere === fields.synthetic.isThere) fields.tasks.refuse('A trace has either "tasks" or "synthetic".');
  const known = { pipelines, tiers: tiersOf(limits) };
  const tasks = fields.tasks.isThere ? fields.tasks.list().map((field) => readTask(field, known)) : drawTasks(readStreams(fields.synthetic, known));
  return {
    name: fields.name.text(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters and digits, in words with hyphens between: figures are called after it'),
    description: fields.description.text(),
    hosts,
    limits,
    pipelines,
    warm: readWarm(fields.warm),
    // The sort is stable: what came at the same moment stays in the file's order.
    tasks: tasks.sort((one, other) => one.at - other.at).map((task, index) => ({ taskId: `t${String(index).padStart(6, '0')}`, ...task })),
  };
}

/** @param {TraceField} field @returns {TraceHost[]} */
function readHosts(field) {
  const seen = new Set();
  return field.list().map((host) => {
    const { name, devices, cpus, memoryGiB } = host.object(['name', 'devices', 'cpus', 'memoryGiB']);
    once(name, seen);
    return {
      name: name.text(),
      devices: (Array.isArray(devices.value) && devices.value.length === 0 ? [] : devices.list()).map((device) => {
        const { id, name: model, vramGiB } = device.object(['id', 'name', 'vramGiB']);
        once(id, seen);
        return { id: id.text(), name: model.text(), vramBytes: bytes(vramGiB.number({ above: 0, unit: 'GiB' })) };
      }),
      cpuMillis: Math.round(cpus.number({ above: 0, unit: 'cores' }) * 1000),
      memoryBytes: bytes(memoryGiB.number({ above: 0, unit: 'GiB' })),
    };
  });
}

/** @param {TraceField} field @param {Set<unknown>} seen */
function once(field, seen) {
  if (seen.has(field.value)) field.refuse('No two hosts, and no two devices, may have the same.');
  seen.add(field.value);
}

/** @param {TraceField} field @returns {Record<QualityTier, number>} */
function readLimits(field) {
  const tiers = field.object(QUALITY_TIERS);
  const limit = (/** @type {QualityTier} */ tier) => (tiers[tier].isThere ? tiers[tier].object(['maxConcurrent']).maxConcurrent.number({ atLeast: 1, whole: true }) : 0);
  return { low: limit('low'), standard: limit('standard'), high: limit('high'), premium: limit('premium') };
}

/** @param {TraceField} field */
function readWarm(field) {
  const { perHost, idleSeconds } = field.isThere ? field.object(['perHost', 'idleSeconds']) : new TraceField({}, field.file, field.place).object(['perHost', 'idleSeconds']);
  return {
    perHost: perHost.numberOr({ atLeast: 0, whole: true, unit: 'containers' }, DEFAULT_WARM.perHost),
    idleMs: milliseconds(idleSeconds.numberOr({ above: 0, unit: 'seconds' }, DEFAULT_WARM.idleSeconds)),
  };
}

/** @param {TraceField} field @param {readonly TraceHost[]} hosts @param {Readonly<Record<QualityTier, number>>} limits @returns {TracePipeline} */
function readPipeline(field, hosts, limits) {
  const { tier, vramGiB, gpus, splittable, cpu, memoryGiB, coldStartSeconds, warm } = field.object(['tier', 'vramGiB', 'gpus', 'splittable', 'cpu', 'memoryGiB', 'coldStartSeconds', 'warm']);
  const vramBytes = bytes(vramGiB.number({ atLeast: 0, unit: 'GiB' }));
  const demand = {
    gpus: vramBytes === 0 ? gpus.numberOr({ atLeast: 0, atMost: 0, whole: true, unit: 'devices' }, 0) : gpus.numberOr({ atLeast: 1, whole: true, unit: 'devices' }, 1),
    vramBytes,
    splittable: splittable.flag(),
    // As libs/scheduling has it: a task with GPUs holds none of the host's cores and memory.
    cpuMillis: vramBytes > 0 ? 0 : Math.round(cpu.numberOr({ above: 0, unit: 'cores' }, DEFAULT_CPU) * 1000),
    memoryBytes: vramBytes > 0 ? 0 : bytes(memoryGiB.numberOr({ above: 0, unit: 'GiB' }, DEFAULT_MEMORY_GIB)),
  };
  if (vramBytes > 0 && (cpu.isThere || memoryGiB.isThere)) (cpu.isThere ? cpu : memoryGiB).refuse('A task with GPUs leases their memory alone; leave it out.');
  if (demand.splittable && demand.gpus !== 1) splittable.refuse('Only what wants one device can be split over several.');
  if (!hosts.some((host) => couldRun(host, demand))) field.refuse('No host of the trace is big enough for it, however empty; its tasks would wait for ever.');
  return {
    tier: tier.isThere ? tier.oneOf(tiersOf(limits)) : undefined,
    demand,
    coldStartMs: milliseconds(coldStartSeconds.numberOr({ atLeast: 0, unit: 'seconds' }, 0)),
    warm: warm.isThere ? warm.oneOf(/** @type {const} */ (['project', 'any'])) : undefined,
  };
}

/**
 * Whether an empty host could run it.
 * @param {TraceHost} host
 * @param {TracePipeline['demand']} demand
 */
function couldRun({ devices, cpuMillis, memoryBytes }, demand) {
  if (demand.gpus === 0) return demand.cpuMillis <= cpuMillis && demand.memoryBytes <= memoryBytes;
  const bigEnough = (/** @type {number} */ share) => devices.filter(({ vramBytes }) => vramBytes >= share).length;
  if (bigEnough(demand.vramBytes) >= demand.gpus) return true;
  return demand.splittable && devices.some((_device, index) => bigEnough(Math.ceil(demand.vramBytes / (index + 1))) >= index + 1);
}

/** @param {TraceField} field @param {import('./synthetic-tasks.mjs').Known} known @returns {Omit<TraceTask, 'taskId'>} */
function readTask(field, known) {
  const { at, project, seconds, ...kind } = field.object(['at', 'project', 'tier', 'pipeline', 'priority', 'seconds']);
  return {
    at: milliseconds(at.number({ atLeast: 0, unit: 'seconds' })),
    projectId: project.text(),
    ...readKind(kind, known),
    durationMs: milliseconds(seconds.number({ atLeast: 0.001, unit: 'seconds' })),
  };
}

/** Those that the trace has. @param {Trace['limits']} limits */
const tiersOf = (limits) => QUALITY_TIERS.filter((tier) => limits[tier] > 0);
