import { parseProjectPath, parseQualityTier, selectPipeline, type ParameterSchema, type PipelineManifest, type ProjectPathFault, type QualityTier, type Tiers } from '@function-runner/pipeline-schema';
import { demandOf, toJobDemand } from '@function-runner/scheduling';
import { outputPath, TaskError, type JobPayload } from '@function-runner/task-contract';
import type { ProjectRecord } from '@function-runner/task-store';
import type { GenerationRequest } from './generation-request.js';

/** What will be queued for a request, and where. */
export interface TaskPlan {
  quality: QualityTier;
  /** `false` where the project names no tier that exists and `standard` stands in. */
  qualityKnown: boolean;
  payload: JobPayload;
}

/** What the model store says of a pipeline; undefined where it does not describe it. */
export interface DescribedPipelines {
  describe(pipelineId: string): PipelineManifest | undefined;
  /** What its parameters must be. */
  parameterSchema(pipelineId: string): ParameterSchema | undefined;
}

const PATH_FAULTS: Readonly<Record<ProjectPathFault, string>> = {
  empty: 'is empty',
  'too-long': 'is too long',
  'control-character': 'holds a control character',
  backslash: 'holds a backslash; folders are separated by /',
  absolute: 'is absolute',
  'leaves-project': 'leaves the project',
};

/** Decides project → quality → pipeline and writes the job. Pure: a refusal is returned, not thrown. */
export function planTask(project: ProjectRecord, request: GenerationRequest, tiers: Tiers, pipelines: DescribedPipelines, now: Date): TaskPlan | TaskError {
  const { tier: quality, known: qualityKnown } = parseQualityTier(project.quality);
  const selection = selectPipeline(tiers, quality, request.nodeType);
  if (!selection.found) {
    const { knownNodeTypes } = selection;
    return new TaskError('UNKNOWN_NODE_TYPE', `no pipeline of the tier "${quality}" serves the node type "${request.nodeType}"; it knows ${knownNodeTypes.join(', ')}`, { knownNodeTypes });
  }
  const { config, timeoutSeconds } = selection;
  const schema = pipelines.parameterSchema(config.pipeline_id);
  const refusal = schema === undefined ? undefined : refuseParameters(schema, request.parameters, project.name);
  if (refusal !== undefined) return refusal;
  const payload: JobPayload = {
    pipeline_id: config.pipeline_id,
    node_type: request.nodeType,
    // The runner's own names come last: a client cannot choose where its take goes.
    parameters: { ...request.parameters, node_id: request.nodeId, project_id: project.id, output_path: outputPath(project.name, request.nodeId) },
    config: { ...config, timeout_seconds: timeoutSeconds },
    workspace_path: '/workspace',
    demand: toJobDemand(demandOf(config, pipelines.describe(config.pipeline_id))),
    submitted_at: now.toISOString(),
    trace: {
      ...(request.requestId === undefined ? {} : { request_id: request.requestId }),
      ...(request.batchId === undefined ? {} : { batch_id: request.batchId }),
      project_name: project.name,
      quality,
    },
  };
  return { quality, qualityKnown, payload };
}

function refuseParameters(schema: ParameterSchema, parameters: Record<string, unknown>, projectName: string): TaskError | undefined {
  const problems = schema.problems(parameters);
  const [first] = problems;
  if (first !== undefined) return new TaskError('VALIDATION_FAILED', `${first.path} ${first.message}${problems.length > 1 ? ` (and ${problems.length - 1} more, see details)` : ''}`, problems);
  for (const name of schema.pathParameters) {
    const value = parameters[name];
    if (typeof value !== 'string') continue;
    const path = parseProjectPath(value, projectName);
    if (!path.ok) {
      const problem = { path: `parameters.${name}`, message: PATH_FAULTS[path.fault], value: value.slice(0, 80) };
      return new TaskError('PATH_NOT_ALLOWED', `${problem.path} ${problem.message}; name a file inside the project, relative to its folder`, [problem]);
    }
  }
  return undefined;
}
