/**
 * A progress bar, which the browser fetches from the server (app/server/http/routes.py), and one rerun of the page when the
 * computation comes to another stage. Without a text, nothing is drawn.
 */

import { arrive, followFeed, whenUpToDate } from "../../trm/player/feed.js";

const bars = new WeakMap(); // by element

class ProgressBar {
  constructor(parent) {
    this.root = parent.querySelector(".progress-bar");
    [this.text, this.track] = this.root.children;
    arrive();
  }

  /** `data`: {feed, stage, share, text, tag, reruns, only_visible, edits} from app/ui/progress.py; `trigger` makes Python
   * rerun the page. */
  update(data, trigger) {
    this.trigger = trigger;
    const isNew = data.feed !== this.data?.feed || data.stage !== this.data.stage;
    this.data = data;
    if (!isNew) return;
    this.draw(data);
    this.tag = data.tag;
    this.close();
    if (!data.feed) return;
    this.following = new AbortController();
    const query = () => ({ stage: data.stage, known: this.tag });
    void followFeed(data.feed, query, (content) => this.take(content), this.following.signal);
  }

  take(content) {
    this.tag = content?.tag;
    if (content) this.draw(content);
    else this.data = { ...this.data, feed: undefined }; // Python may publish it again, or publish none
    if (content?.stage === this.data.stage) return true;
    if (this.data.reruns) this.rerun();
    return false;
  }

  rerun() {
    const send = () => this.trigger("news", { edits: this.data.edits });
    void whenUpToDate(send, this.following.signal, { onlyVisible: this.data.only_visible });
  }

  draw({ text, share }) {
    this.root.hidden = !text;
    this.text.textContent = text;
    this.track.hidden = share == null;
    const percent = Math.round(100 * (share ?? 0));
    this.track.firstElementChild.style.width = `${percent}%`;
    if (share == null) this.root.removeAttribute("aria-valuenow");
    else this.root.setAttribute("aria-valuenow", String(percent));
  }

  close() {
    this.following?.abort();
  }
}

export default function mount({ data, parentElement, setTriggerValue }) {
  if (!bars.has(parentElement)) bars.set(parentElement, new ProgressBar(parentElement));
  const bar = bars.get(parentElement);
  bar.update(data, setTriggerValue);
  return () => {
    if (parentElement.isConnected) return;
    bar.close();
    bars.delete(parentElement);
  };
}
