import { forgetRoutesOf, learnRoutesOf } from './ccn-routes.js';
import { attachmentId, type Attachment, type AttachmentState, type TencentState } from './tencent-state.js';

/** Failed attachments and detachments are taken apart by force after two hours (SDK, CcnAttachedInstance.State). */
const FORCED_DETACH_MS = 2 * 3_600_000;

const CHANGE_ATTACHMENT = 'change an attachment';

/** States in which the VPC takes part in the CCN, or is on its way in or out. */
const JOINED: readonly AttachmentState[] = ['ATTACHING', 'ACTIVE', 'DETACHING', 'FAILED', 'DETACHFAILED'];

/** Whether the VPC takes part in the CCN, or is on its way in or out. */
export function isJoined({ state }: Attachment): boolean {
  return JOINED.includes(state);
}

/** Whether the application has ended and can be made again. */
export function isSpent({ state }: Attachment): boolean {
  return state === 'EXPIRED' || state === 'REJECTED';
}

/**
 * Puts an attachment into a state, with what follows from it: routes are learned on ACTIVE and forgotten when it is
 * left, and the next change that comes by itself is put on the agenda.
 */
export function enter(state: TencentState, attachment: Attachment, next: AttachmentState): void {
  const id = attachmentId(attachment);
  const changesAt = endOf(state, next);
  state.attachments.put({ ...attachment, state: next, changesAt });
  if (next === 'ACTIVE') learnRoutesOf(state, attachment);
  else if (next !== 'DETACHING') forgetRoutesOf(state, attachment);
  if (changesAt !== undefined) state.store.agenda.plan(changesAt, CHANGE_ATTACHMENT, id);
}

/** Teaches the agenda what {@link enter} plans. */
export function changeAttachmentsWhenPlanned(state: TencentState): void {
  state.store.agenda.on(CHANGE_ATTACHMENT, (id, at) => {
    const attachment = state.attachments.get(id);
    // Somebody may have changed it before its time, and given it another.
    if (attachment?.changesAt === at) changeByItself(state, attachment);
  });
}

/** Takes an attachment or application out of the CCN at once, with its routes. */
export function removeAttachment(state: TencentState, attachment: Attachment): void {
  forgetRoutesOf(state, attachment);
  state.attachments.remove(attachmentId(attachment));
}

function changeByItself(state: TencentState, attachment: Attachment): void {
  switch (attachment.state) {
    case 'PENDING':
      enter(state, attachment, 'EXPIRED');
      return;
    case 'ATTACHING':
      enter(state, attachment, 'ACTIVE');
      return;
    case 'DETACHING':
    case 'FAILED':
    case 'DETACHFAILED':
      removeAttachment(state, attachment);
      return;
    case 'ACTIVE':
    case 'EXPIRED':
    case 'REJECTED':
      return;
  }
}

function endOf({ clock, settings }: TencentState, state: AttachmentState): number | undefined {
  const now = clock.now();
  switch (state) {
    case 'PENDING':
      return now + settings.applicationExpirySeconds * 1000;
    case 'ATTACHING':
      return now + settings.attachingSeconds * 1000;
    case 'DETACHING':
      return now + settings.detachingSeconds * 1000;
    case 'FAILED':
    case 'DETACHFAILED':
      return now + FORCED_DETACH_MS;
    case 'ACTIVE':
    case 'EXPIRED':
    case 'REJECTED':
      return undefined;
  }
}
