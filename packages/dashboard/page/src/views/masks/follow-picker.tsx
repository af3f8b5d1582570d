/** Which validation photos are followed: a searchable list, ticked, then sent. */
import { counted } from '@unet-fleet/law';
import { useEffect, useState } from 'preact/hooks';
import { BusyButton } from '../common/busy-button.tsx';
import { Check } from '../common/fields.tsx';
import { searchIds, toggled } from './followed.ts';

export interface FollowPickerProps {
  validationIds: readonly string[];
  followed: readonly string[];
  max: number;
  /** The reply's sentence, for the line below. */
  onFollow: (ids: readonly string[]) => Promise<string>;
}

const maxListed = 60;

export function FollowPicker({ validationIds, followed, max, onFollow }: FollowPickerProps) {
  const [picked, setPicked] = useState(followed);
  const [search, setSearch] = useState('');
  const [reply, setReply] = useState('');
  const [isSending, setIsSending] = useState(false);
  useEffect(() => setPicked(followed), [followed.join('\n')]);

  const { found, numFound } = searchIds(validationIds, search, maxListed);
  const isChanged = picked.join('\n') !== followed.join('\n');
  const send = async () => {
    setIsSending(true);
    setReply(await onFollow(picked));
    setIsSending(false);
  };
  return (
    <details class="follow-picker">
      <summary>
        Choose photos <span class="quiet">({followed.length} followed)</span>
      </summary>
      <div class="follow-picker-body">
        <label class="field">
          Search the {validationIds.length} validation photos
          <input
            type="search"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
        <p class="quiet" id="follow-picker-count">
          {`${picked.length} of at most ${max} picked.`}
          {numFound > found.length ? ` ${found.length} of ${numFound} listed: search to see others.` : ''}
        </p>
        <ul class="follow-picker-list" aria-describedby="follow-picker-count">
          {[...picked, ...found.filter((id) => !picked.includes(id))].map((id) => (
            <li key={id}>
              <Check
                checked={picked.includes(id)}
                disabled={!picked.includes(id) && picked.length >= max}
                onChange={() => setPicked(toggled(picked, id, max))}
              >
                <span class="id">{id}</span>
              </Check>
            </li>
          ))}
        </ul>
        <p class="follow-picker-send">
          <BusyButton class="primary" isBusy={!isChanged || isSending} onClick={send}>
            {isSending ? 'Sending…' : `Follow ${counted(picked.length, 'photo')}`}
          </BusyButton>
          <button type="button" disabled={!isChanged} onClick={() => setPicked(followed)}>
            Undo
          </button>
        </p>
        {reply !== '' && <p>{reply}</p>}
      </div>
    </details>
  );
}
