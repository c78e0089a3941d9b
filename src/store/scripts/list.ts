/** What a script answered, as a list; anything else is an empty one. */
export function list(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}
