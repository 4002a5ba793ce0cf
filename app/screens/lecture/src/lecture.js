/**
 * The lecture: text, the live player, the diagram and the code of one scene, and what a lecturer needs around
 * them.
 *
 * The player is the app's own. It says where it stands by the attributes of its root; they are watched here,
 * and diagram, code and the words under the grid are drawn anew before the browser paints: all of them show
 * the same call.
 *
 * Scenes are changed in the browser. What is not there yet (the run of a scene, another language) is asked of
 * Python. Here is what Python sends and what a lecturer does; `lecture_view` draws it.
 */

import { isEditing, keyName } from "../../../../trm/player/keys.js";
import { registerMounted, mountedIn } from "../../../../trm/player/mounting.js";
import { addressWith, replaceAddress } from "../../../../trm/player/model/link.js";
import { make } from "../../../../trm/player/view/dom.js";
import { CodeView } from "./code_view.js";
import { rememberedRoom, rememberRoom } from "./leading.js";
import { LectureView } from "./lecture_view.js";
import { Invitation, NotesWindow, Timer } from "./presenter.js";
import { Room } from "./room.js";
import { sheets } from "./sheets.js";

const KEYS_HERE = {
  PageDown: "next",
  PageUp: "previous",
  q: "answer",
  f: "present",
  b: "blank",
  ".": "blank",
  t: "timer",
  T: "reset",
  o: "notes",
  i: "invite",
};

class Lecture extends LectureView {
  constructor(parent) {
    super();
    Object.assign(this, {
      parent,
      runs: {},
      texts: {},
      at: null,
      room: null,
      player: null,
      isAnswered: false,
    });
    this.root = make("div", { class: "lecture in-colours", "data-testid": "lecture" });
    this.timer = new Timer(() => this.drawTime());
    this.notes = new NotesWindow();
    this.notes.onKey = (event) => this.onKey(event);
    this.invitation = new Invitation(() => this.invite(false));
    this.watching = new MutationObserver(() => this.follow());
    this.listening = new AbortController();
    const { signal } = this.listening;
    document.addEventListener("keydown", (event) => this.onKey(event), { signal, capture: true });
    document.addEventListener("fullscreenchange", () => this.present(this.root.matches(":fullscreen")), {
      signal,
    });
    window.addEventListener("resize", () => this.fit(), { signal });
    window.addEventListener("beforeprint", () => this.makeSheets(), { signal });
    window.addEventListener("pagehide", () => this.notes.close(), { signal });
    this.build();
    parent.append(this.root);
    this.sizing = new ResizeObserver(() => this.fit());
    this.sizing.observe(this.text);
  }

  // ---- what Python sends

  /**
   * `data`: {scene, start, language, runs, invitation, room, lead, embed} as app/screens/lecture/page.py puts
   * together; at first, and where the whole page is drawn, also {languages, texts, outline, code}.
   */
  update(data, tell) {
    if (!this.root.isConnected) this.parent.append(this.root);
    Object.assign(this, {
      tell,
      outline: data.outline ?? this.outline,
      languages: data.languages ?? this.languages,
      invited: data.invitation ?? null,
    });
    Object.assign(this.runs, data.runs);
    Object.assign(this.texts, data.texts);
    if (!this.outline) return tell("ask", { scene: data.scene, language: data.language, lacks: true });
    this.root.classList.toggle("embed", Boolean(data.embed));
    this.root.classList.toggle("alone", Boolean(data.alone));
    if (!this.code) {
      this.code = new CodeView(data.code);
      this.codePlace.append(this.code.node);
    }
    if (this.at == null) {
      this.at = Math.max(this.placeOf(data.scene), 0);
      Object.assign(this, { language: data.language, start: data.start ?? null });
      this.showPlace();
      if (data.present) this.present(true);
      if (data.room)
        this.room = new Room({ ...data.room, scene: data.scene }, (scene) => this.goAlong(scene));
    }
    if (data.pictures) this.pictures = data.pictures;
    this.drawScene();
    if (!this.hasRun && data.scene === this.scene.id) this.askPython({ lacks: true });
    else if (data.lead) this.lead(data.lead);
    if (data.printing) this.makeSheets();
    return undefined;
  }

  /** The handout in the language shown, where the file holds the pictures for it. */
  makeSheets() {
    if (!this.pictures) return;
    this.handout?.remove();
    this.handout = sheets(this, this.spoken, this.tongue);
    this.root.after(this.handout);
  }

  // ---- scenes

  placeOf(scene) {
    return this.outline.findIndex(({ id }) => id === scene);
  }

  /** Whether there is such a scene, and it is another one. */
  show(at) {
    if (at < 0 || at >= this.outline.length || at === this.at) return false;
    Object.assign(this, { at, isAnswered: false, start: null });
    this.drawScene();
    return true;
  }

  /** Where this person goes themselves; they are not pulled back from there. */
  go(at) {
    if (!this.show(at)) return;
    this.follows(false);
    this.askPython();
  }

  follows(on) {
    this.room?.follow(on);
    this.drawFollowing();
  }

  /** With the lecturer. Who follows was sent all runs at first: a whole class must not ask Python at once. */
  goAlong(scene) {
    if (this.show(this.placeOf(scene)) && !this.hasRun) this.askPython();
  }

  speak(language) {
    this.language = language;
    this.drawScene();
    this.askPython();
  }

  /**
   * `lacks`: the run of the scene was sent before, and is not here. `lead`: the room that this tab led
   * before.
   */
  askPython({ lacks = false, lead = null } = {}) {
    this.showPlace();
    this.tell?.("ask", { scene: this.scene.id, language: this.language, lacks, lead });
  }

  /** Scene and language in the address, as app/screens/lecture/page.py writes them. The file does it itself. */
  showPlace() {
    if (!this.root.classList.contains("alone"))
      replaceAddress(addressWith(location.href, { scene: this.scene.id, lang: this.language }));
  }

  /**
   * Python opened a room for this page. Where the tab led another one before, that one is asked for, once.
   */
  lead(room) {
    const before = this.led ? null : rememberedRoom();
    this.led = room;
    if (before && before.code !== room.code) this.askPython({ lead: before });
    else rememberRoom(room);
  }

  // ---- the lecturer

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || isEditing(event.composedPath())) return;
    const name = keyName(event, (known) => Object.hasOwn(KEYS_HERE, known));
    const action = KEYS_HERE[name] ?? (event.key === "Escape" && this.closes ? "close" : null);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.act(action);
  }

  /** Whether there is something that escape closes before the player hears of it. */
  get closes() {
    return (
      !this.dark.hidden ||
      !this.invitation.node.hidden ||
      (this.root.classList.contains("full") && !document.fullscreenElement)
    );
  }

  act(action) {
    if (action === "next") this.go(this.at + 1);
    else if (action === "previous") this.go(this.at - 1);
    else if (action === "answer") this.isAnswered = !this.isAnswered;
    else if (action === "present") this.toggleFull();
    else if (action === "blank") this.dark.hidden = !this.dark.hidden;
    else if (action === "timer") this.timer.toggle();
    else if (action === "reset") this.timer.reset();
    else if (action === "notes") this.notes.open();
    else if (action === "invite") this.invite(this.invitation.node.hidden);
    else if (action === "close") this.close();
    else if (action === "follow") this.follows(!this.room.isFollowed);
    if (action === "answer") this.drawAnswer();
    if (action === "notes") this.drawTime();
  }

  close() {
    if (!this.dark.hidden) this.dark.hidden = true;
    else if (!this.invitation.node.hidden) this.invite(false);
    else this.present(false);
  }

  invite(on) {
    this.invitation.node.hidden = !(on && this.invited);
  }

  toggleFull() {
    // where there is no full screen for elements, or it is refused
    const fillPage = () => this.present(!this.root.classList.contains("full"));
    if (!this.root.requestFullscreen) fillPage();
    else if (document.fullscreenElement) document.exitFullscreen().catch(fillPage);
    else if (this.root.classList.contains("full")) this.present(false);
    else this.root.requestFullscreen().catch(fillPage);
  }

  present(on) {
    this.root.classList.toggle("full", on);
    if (on && !this.timer.runs && !this.timer.seconds) this.timer.toggle(true);
    this.buttons.present.setAttribute("aria-pressed", String(on));
    this.fit();
  }

  remove() {
    document.documentElement.lang = "en"; // of all other pages
    this.room?.leave();
    this.player?.remove();
    this.watching.disconnect();
    this.sizing.disconnect();
    this.listening.abort();
    this.timer.stop();
    this.notes.close();
    this.handout?.remove();
    this.root.remove();
  }
}

/**
 * Mounts the lecture in `parentElement`, or brings it up to date. Asks for scenes and languages with
 * setTriggerValue("ask", {scene, language}).
 * @returns a function that removes it, once its element has left the page.
 */
export default function mount({ data, parentElement, setTriggerValue }) {
  const lecture = mountedIn(parentElement) ?? new Lecture(parentElement);
  lecture.update(data, setTriggerValue);
  return registerMounted(parentElement, lecture);
}
