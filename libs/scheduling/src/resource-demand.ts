export type { ResourceDemand } from '@function-runner/task-contract';
