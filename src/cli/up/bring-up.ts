import { InterruptedError, type MeowError, toMeowError } from '../../errors.ts';
import type { DesiredState } from '../../fleet/desired/desired-state.ts';
import type { Scaled } from '../../fleet/scale/scale.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { tellFailures } from '../output/print-failures.ts';
import { withSteps } from '../progress/shown.ts';
import type { UpPlan } from './keeping.ts';

/**
 * Starts what is missing here, and says what failed. In the place of an older `up` nothing leaves yet: it may
 * come to nothing, and then the older one goes on with what it had.
 * @param asked what the servers shall serve, where that was said
 */
export async function bringUp(
  context: Context,
  open: OpenStore,
  plan: UpPlan,
  asked: AskedSpec | null,
  desired: DesiredState,
): Promise<Scaled> {
  const fleet = await scale(context, open, plan, asked, desired, plan.older !== null);
  tell(context, fleet, fleet.failed);
  return fleet;
}

/**
 * Retires what is more than was asked for, once the place of the older one is taken.
 * @param fleet what serves; where some of it could not be started, all stays
 * @returns what serves afterwards
 */
export async function retireSpare(
  context: Context,
  open: OpenStore,
  plan: UpPlan,
  asked: AskedSpec | null,
  fleet: Scaled,
): Promise<Scaled> {
  if (plan.older === null || plan.flags.number === undefined) return fleet;
  if (fleet.failed.length > 0) return fleet;
  try {
    // The keeper looks at its own at the same time.
    const desired = await openDesiredState(context, open);
    const { serving, failed } = await scale(context, open, plan, asked, desired, false);
    const left = { ...fleet, serving };
    tell(context, left, failed);
    return left;
  } catch (error) {
    // It has the place: what is too much is no reason to end.
    tell(context, fleet, [toMeowError(error)]);
    return fleet;
  }
}

async function scale(
  context: Context,
  open: OpenStore,
  { flags, turn }: UpPlan,
  asked: AskedSpec | null,
  desired: DesiredState,
  isLeast: boolean,
): Promise<Scaled> {
  const [{ scaleTo }, { thisMachine }] = await Promise.all([
    import('../../fleet/scale/scale.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry } = open.store;
  const machine = thisMachine(context.config.home);
  const deps = { registry, desired, machine, ...serverProgram(context, open) };
  const count = flags.number ?? null;
  return withSteps(context, (steps) =>
    scaleTo(deps, { count, asked, isLeast, ofUp: true, signal: turn.ending, steps }),
  );
}

// To be told to stop meanwhile is no failure: that is how it ends.
function tell(context: Context, { serving }: Scaled, failed: readonly MeowError[]): void {
  const real = failed.filter((error) => !(error instanceof InterruptedError));
  tellFailures(real, context, `${serving.length} servers serve`);
}
