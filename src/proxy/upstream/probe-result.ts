/**
 * What asking a server for its health showed. `vacant`: nobody listens there. `nameless`: the answer
 * told no id, as a server of ours always does. `stranger`: it told another. `silent`: no answer in time.
 */
export type ProbeResult = { readonly kind: 'good' } | { readonly kind: 'draining' } | BadProbe;

export interface BadProbe {
  readonly kind: 'bad' | 'silent' | 'vacant' | 'nameless' | 'stranger';
  readonly why: string;
}
