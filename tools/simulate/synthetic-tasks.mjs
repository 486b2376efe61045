// @ts-check
// A synthetic trace's streams of tasks: read, and drawn from their seeds.
import { TASK_PRIORITIES } from '@function-runner/task-contract';
import { seededRandom } from './seeded-random.mjs';
import { milliseconds } from './trace-units.mjs';

const MS_OF_HOUR = 3_600_000;
/** Of one click after another, or of a loop over shots. */
const DEFAULT_GAP_SECONDS = 1;

/** @typedef {Omit<import('./read-trace.mjs').TraceTask, 'taskId'>} Task */

/**
 * When tasks come. `poisson`: each for itself, independently of the others. `bursts`: `size` tasks of one project together,
 * the bursts independently of each other, `meanGapMs` from task to task on average in the long run. `batch`: all, one after the other.
 * @typedef {{ kind: 'poisson', meanGapMs: number } | { kind: 'bursts', meanGapMs: number, size: number, everyMs: number } | { kind: 'batch', everyMs: number }} Arrivals
 */

/**
 * @typedef {object} Stream
 * @property {number} seed
 * @property {number} count
 * @property {number} fromMs when it begins
 * @property {readonly { projectId: string, weight: number }[]} projects
 * @property {readonly (Pick<Task, 'tier' | 'pipelineId' | 'priority'> & { share: number, medianMs: number, sigma: number })[]} mix
 * @property {Arrivals} arrivals
 */

/**
 * What a task of a trace may name.
 * @typedef {{ pipelines: import('./read-trace.mjs').Trace['pipelines'], tiers: readonly Task['tier'][] }} Known
 */

/**
 * @param {import('./trace-field.mjs').TraceField} field one stream or a list of them
 * @param {Known} known
 * @returns {Stream[]}
 */
export function readStreams(field, known) {
  return (Array.isArray(field.value) ? field.list() : [field]).map((stream) => {
    const { seed, count, fromSeconds, projects, mix, arrivals } = stream.object(['seed', 'count', 'fromSeconds', 'projects', 'mix', 'arrivals']);
    return {
      seed: seed.number({ atLeast: 0, atMost: 2 ** 32 - 1, whole: true }),
      count: count.number({ atLeast: 1, whole: true, unit: 'tasks' }),
      fromMs: milliseconds(fromSeconds.numberOr({ atLeast: 0, unit: 'seconds' }, 0)),
      projects: readProjects(projects),
      mix: mix.list().map((part) => readPart(part, known)),
      arrivals: readArrivals(arrivals),
    };
  });
}

/** @param {import('./trace-field.mjs').TraceField} field */
function readProjects(field) {
  const projects = field.entries().map(([projectId, weight]) => ({ projectId, weight: weight.number({ above: 0 }) }));
  return projects.length > 0 ? projects : field.refuse('It must have a project: {"name": weight}.');
}

/** @param {import('./trace-field.mjs').TraceField} field @param {Known} known */
function readPart(field, known) {
  const { tier, pipeline, priority, share, seconds } = field.object(['tier', 'pipeline', 'priority', 'share', 'seconds']);
  const { median, sigma } = seconds.object(['median', 'sigma']);
  return {
    ...readKind({ tier, pipeline, priority }, known),
    share: share.number({ above: 0 }),
    medianMs: milliseconds(median.number({ atLeast: 0.001, unit: 'seconds' })),
    sigma: sigma.numberOr({ atLeast: 0 }, 0),
  };
}

/**
 * What a task is, whether it stands in the trace itself or is drawn.
 * @param {Record<'tier' | 'pipeline' | 'priority', import('./trace-field.mjs').TraceField>} fields
 * @param {Known} known
 * @returns {Pick<Task, 'tier' | 'pipelineId' | 'priority'>}
 */
export function readKind({ tier, pipeline, priority }, { pipelines, tiers }) {
  const pipelineId = pipeline.oneOf([...pipelines.keys()]);
  const ofPipeline = pipelines.get(pipelineId)?.tier;
  return {
    pipelineId,
    tier: !tier.isThere && ofPipeline !== undefined ? ofPipeline : tier.oneOf(tiers),
    priority: priority.isThere ? priority.oneOf(TASK_PRIORITIES) : 'normal',
  };
}

/** @param {import('./trace-field.mjs').TraceField} field @returns {Arrivals} */
function readArrivals(field) {
  const { kind, perHour, size, everySeconds } = field.object(['kind', 'perHour', 'size', 'everySeconds']);
  const meanGapMs = () => MS_OF_HOUR / perHour.number({ above: 0, unit: 'tasks an hour' });
  const everyMs = () => milliseconds(everySeconds.numberOr({ atLeast: 0, unit: 'seconds' }, DEFAULT_GAP_SECONDS));
  switch (kind.oneOf(/** @type {const} */ (['poisson', 'bursts', 'batch']))) {
    case 'poisson': return { kind: 'poisson', meanGapMs: meanGapMs() };
    case 'bursts': return { kind: 'bursts', meanGapMs: meanGapMs(), size: size.number({ atLeast: 1, whole: true, unit: 'tasks' }), everyMs: everyMs() };
    case 'batch': return { kind: 'batch', everyMs: everyMs() };
  }
}

/** @param {readonly Stream[]} streams @returns {Task[]} stream after stream, each in the order of time */
export const drawTasks = (streams) => streams.flatMap(drawStream);

/** @param {Stream} stream @returns {Task[]} */
function drawStream({ seed, count, fromMs, projects, mix, arrivals }) {
  const random = seededRandom(seed);
  const shares = mix.map(({ share }) => share);
  const weights = projects.map(({ weight }) => weight);
  const project = () => /** @type {Stream['projects'][number]} */ (projects[random.pick(weights)]).projectId;
  const groupSize = arrivals.kind === 'poisson' ? 1 : arrivals.kind === 'bursts' ? arrivals.size : count;
  const everyMs = arrivals.kind === 'poisson' ? 0 : arrivals.everyMs;
  let at = fromMs;
  let ofGroup = '';
  return Array.from({ length: count }, (_, index) => {
    const place = index % groupSize;
    if (place === 0) {
      if (arrivals.kind !== 'batch') at += random.exponential(arrivals.meanGapMs * groupSize);
      // A burst, or a batch, is somebody's.
      ofGroup = project();
    }
    const part = /** @type {Stream['mix'][number]} */ (mix[random.pick(shares)]);
    return {
      at: Math.round(at + place * everyMs),
      projectId: ofGroup,
      tier: part.tier,
      pipelineId: part.pipelineId,
      priority: part.priority,
      durationMs: Math.max(1, Math.round(random.lognormal(part.medianMs, part.sigma))),
    };
  });
}
