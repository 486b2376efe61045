import { validateClass } from '@function-runner/class-schema';
import { TaskError } from '@function-runner/task-contract';

/**
 * A request as an instance of its class; unknown fields are dropped, since clients may be ahead of us.
 * @throws TaskError VALIDATION_FAILED with every problem in `details`
 */
export function parseRequest<T extends object>(type: new () => T, payload: unknown): T {
  const checked = validateClass(type, payload, 'drop');
  if (checked.ok) return checked.value;
  const { problems } = checked;
  const sentence = problems.map(({ path, message }) => (path === '' ? `the request ${message}` : `${path} ${message}`)).join('; ');
  throw new TaskError('VALIDATION_FAILED', sentence.length > 1000 ? `${sentence.slice(0, 999)}…` : sentence, problems);
}
