import type { TaskEvent, TaskSummary } from '@function-runner/progress-protocol';
import type { AskedTask } from '../clients/asked-task.js';
import type { Ear } from '../clients/ear.js';
import type { FaultRecord } from '../faults/fault-record.js';
import type { ExpectedFile } from '../pipelines/expected-take.js';
import type { SelfEnd } from '../stage/supervised-app.js';

/** A folder of takes as it lies on the disk. */
export interface FoundTake {
  projectName: string;
  nodeId: string;
  taskId: string;
  files: readonly ExpectedFile[];
}

/** Everything that was seen from outside of one run, after its quiet end. */
export interface ChaosFacts {
  faults: readonly FaultRecord[];
  asked: readonly AskedTask[];
  /** Refusals that no fault explains. */
  wrongs: readonly string[];
  ears: readonly Ear[];
  /** Ears that were listening to the end: what ended while they did, they must have heard end. */
  attentive: readonly Ear[];
  /** Event logs of all tasks that Redis knows, read from Redis itself. */
  logs: ReadonlyMap<string, readonly TaskEvent[]>;
  /** What each api says of each task: by the api's title, by task id; undefined for "not found". */
  answers: ReadonlyMap<string, ReadonlyMap<string, TaskSummary | undefined>>;
  /** Jobs that are in a queue still, as `state queue/id`. */
  jobs: readonly string[];
  takes: readonly FoundTake[];
  /** What lies beside the takes in the projects' outputs. */
  strays: readonly string[];
  /** Containers of the installation, and leases, 30 s after the last task ended. */
  containers: readonly string[];
  leases: readonly string[];
  selfEnds: readonly SelfEnd[];
  /** Processes that did not end with 0 when they were told to, at the very end. */
  badEnds: readonly string[];
  /** Processes that were not ready in the end. */
  unready: readonly string[];
}
