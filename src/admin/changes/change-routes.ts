import { type MeowError, NothingError, StoreError, UsageError } from '../../errors.ts';
import { isServerId } from '../../ids.ts';
import { quote } from '../../text.ts';
import { takingQuery } from '../responses/query.ts';
import { failure, json, problem, type Reply } from '../responses/reply.ts';
import type { AdminRequest, Handler, Route } from '../responses/router.ts';
import { type FieldCheck, isReply, readFields } from './body.ts';
import type { ChangeList, ChangeRequest } from './changes.ts';
import type { Outcome, Progress } from './run-change.ts';

/** What may be done to the fleet, on the door's own host. Each throws MeowError before it begins. */
export interface FleetVerbs {
  /** Starts more of what runs here already, or cats. */
  spawn(count: number, progress: Progress): Promise<Outcome>;
  destroy(id: string, force: boolean, progress: Progress): Promise<Outcome>;
  /** @param ids none for all that were asked for here */
  restart(ids: readonly string[], progress: Progress): Promise<Outcome>;
  scale(count: number, progress: Progress): Promise<Outcome>;
}

/**
 * What changes the fleet. Each answers at once, with a change that goes on by itself.
 * @param most servers at a time
 */
export function changeRoutes(verbs: FleetVerbs, changes: ChangeList, most: number): Route[] {
  const begin = (wanted: ChangeRequest) => beginChange(changes, wanted);
  return [
    { path: '/servers', methods: { POST: takingQuery([], spawning(verbs, begin, most)) } },
    { path: '/servers/:id', methods: { DELETE: takingQuery(['force'], destroying(verbs, begin)) } },
    { path: '/restart', methods: { POST: takingQuery([], restarting(verbs, begin, most)) } },
    { path: '/scale', methods: { POST: takingQuery([], scaling(verbs, begin, most)) } },
    { path: '/changes', needsToken: true, methods: { GET: () => json(changes.list()) } },
    { path: '/changes/:id', needsToken: true, methods: { GET: ({ id }) => one(changes, id) } },
  ];
}

type Begin = (wanted: ChangeRequest) => Promise<Reply>;

function spawning(verbs: FleetVerbs, begin: Begin, most: number): Handler {
  return async ({ request }) => {
    const fields = await readFields(request, { count: whole(1, most) });
    if (isReply(fields)) return fields;
    const { count = 1 } = fields as { count?: number };
    return begin({
      verb: 'spawn',
      asked: { count },
      work: (progress) => verbs.spawn(count, progress),
    });
  };
}

function destroying(verbs: FleetVerbs, begin: Begin): Handler {
  return async ({ request, id, query }: AdminRequest) => {
    const fields = await readFields(request, {});
    if (isReply(fields)) return fields;
    const told = query.get('force');
    const force = told === 'true';
    if (told !== null && !force && told !== 'false') {
      return problem(400, `"force" ${quote(told)} is not true or false`);
    }
    if (!isServerId(id)) return problem(400, `${quote(id)} is not an id`, 'See GET /overview');
    return begin({
      verb: 'destroy',
      asked: { ids: [id], force },
      work: (progress) => verbs.destroy(id, force, progress),
    });
  };
}

function restarting(verbs: FleetVerbs, begin: Begin, most: number): Handler {
  return async ({ request }) => {
    const fields = await readFields(request, { ids: ids(most) });
    if (isReply(fields)) return fields;
    const { ids: targets = [] } = fields as { ids?: string[] };
    return begin({
      verb: 'restart',
      asked: targets.length > 0 ? { ids: targets } : {},
      work: (progress) => verbs.restart(targets, progress),
    });
  };
}

function scaling(verbs: FleetVerbs, begin: Begin, most: number): Handler {
  return async ({ request }) => {
    const fields = await readFields(request, { count: whole(0, most) });
    if (isReply(fields)) return fields;
    const { count } = fields as { count?: number };
    if (count === undefined) return problem(400, '"count" is missing', `From 0 to ${most}`);
    return begin({
      verb: 'scale',
      asked: { count },
      work: (progress) => verbs.scale(count, progress),
    });
  };
}

function whole(least: number, most: number): FieldCheck {
  return (value) => {
    const isRight = Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
    return isRight ? null : `a whole number from ${least} to ${most}`;
  };
}

function ids(most: number): FieldCheck {
  return (value) => {
    const isRight =
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= most &&
      value.every((id) => typeof id === 'string' && isServerId(id));
    return isRight ? null : `a list of 1 to ${most} ids`;
  };
}

async function beginChange(changes: ChangeList, wanted: ChangeRequest): Promise<Reply> {
  const other = changes.inTheWay(wanted.verb);
  if (other) {
    const message = `change ${other.id}, ${other.verb}, is under way`;
    return problem(409, message, 'Wait until it has ended');
  }
  if (changes.isFull()) {
    return problem(503, 'too much is being changed', 'Try again soon', { 'Retry-After': '1' });
  }
  const { change, refusal } = await changes.begin(wanted);
  const headers = { Location: `/changes/${change.id}` };
  if (refusal) return refused(refusal, headers);
  return json(change, change.state === 'running' ? 202 : 200, headers);
}

function refused(error: MeowError, headers: { readonly Location: string }): Reply {
  if (error instanceof StoreError) return failure(error, headers);
  const status = error instanceof NothingError ? 404 : error instanceof UsageError ? 400 : 409;
  return problem(status, error.message, error.remedy, headers);
}

function one(changes: ChangeList, id: string): Reply {
  const change = changes.get(id);
  return change ? json(change) : problem(404, `no change ${quote(id)}`, 'See GET /changes');
}
