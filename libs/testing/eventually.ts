import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds. @throws when the time is over */
export const eventually = async (condition: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> => {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain for: ${condition.toString()}`);
    await delay(5);
  }
};
