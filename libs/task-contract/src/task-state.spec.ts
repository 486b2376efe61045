import { describe, expect, test } from '@jest/globals';
import { NEXT_STATES, TASK_STATES, TERMINAL_STATES, isTaskState, isTerminal } from './task-state.js';

describe('the states of a task', () => {
  test('are the protocol’s', () => {
    expect([...TASK_STATES].sort()).toEqual('queued preparing running cancelling completed failed cancelled'.split(' ').sort());
  });

  test('end in exactly the terminal ones', () => {
    expect(TASK_STATES.filter((state) => isTerminal(state)).sort()).toEqual([...TERMINAL_STATES].sort());
  });

  test.each(TASK_STATES)('%s is reached from queued', (goal) => {
    const reached = new Set<string>(['queued']);
    for (const state of reached) for (const next of isTaskState(state) ? NEXT_STATES[state] : []) reached.add(next);
    expect(reached.has(goal)).toBe(true);
  });

  test.each(TASK_STATES.filter((state) => !isTerminal(state)))('%s can still be cancelled and can still fail', (state) => {
    expect(NEXT_STATES[state].some((next) => next === 'cancelled' || next === 'cancelling')).toBe(true);
    expect(NEXT_STATES[state]).toContain('failed');
  });

  test.each([['running', true], ['RUNNING', false], ['constructor', false]])('isTaskState(%p) is %p', (text, known) => {
    expect(isTaskState(text)).toBe(known);
  });
});
