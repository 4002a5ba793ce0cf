/**
 * The lecture: the text, the live player, the diagram and the code of one scene, and the lecturer's tools.
 *
 * The player is that of the app. Its root has the position in its attributes. They are observed here, and the
 * diagram, the code and the captions are redrawn before the browser paints, so that all show the same call.
 *
 * The browser changes scenes by itself and requests from Python what it lacks: the run of a scene, another
 * language. This module handles Python's data and the lecturer's actions; `lecture_view` draws.
 */

import { isEditing, keyMeaning, keyName } from "../../../../trm/player/keys.js";
import { whenUpToDate } from "../../../../trm/player/feed.js";
import { registerMounted, mountedIn } from "../../../../trm/player/mounting.js";
import { addressWith, replaceAddress } from "../../../../trm/player/model/link.js";
import { make } from "../../../../trm/player/view/dom.js";
import { CodeView } from "./code_view.js";
import { LedRoom, rememberedRoom, rememberRoom } from "./led_room.js";
import { LectureView } from "./lecture_view.js";
import { Invitation, NotesWindow, Timer } from "./presenter.js";
import { Room } from "./room.js";
import { sheets } from "./sheets.js";

const KEYS = {
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
      sceneIndex: null,
      room: null,
      player: null,
      isAnswered: false,
      views: 0,
      choice: null, // of this person, in the question of the scene
      audience: null, // of the room that this page leads
      ledRoom: null,
      refused: new Set(), // codes of rooms that were requested and not given back
    });
    this.root = make("div", { class: "lecture in-colours", "data-testid": "lecture" });
    this.timer = new Timer(() => this.drawTime());
    this.notes = new NotesWindow();
    this.notes.onKey = (event) => this.onKey(event);
    this.invitation = new Invitation(() => this.invite(false));
    this.playerObserver = new MutationObserver(() => this.drawPosition());
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("keydown", (event) => this.onKey(event), { signal, capture: true });
    document.addEventListener("fullscreenchange", () => this.present(this.root.matches(":fullscreen")), {
      signal,
    });
    window.addEventListener("resize", () => this.fit(), { signal });
    window.addEventListener("beforeprint", () => this.makeSheets(), { signal });
    window.addEventListener("pagehide", () => this.notes.close(), { signal });
    this.build();
    parent.append(this.root);
    this.resizeObserver = new ResizeObserver(() => this.fit());
    this.resizeObserver.observe(this.text);
  }

  // ---- what Python sends

  /**
   * `data`: {scene, start, language, runs, invitation, room, lead, embed} from app/screens/lecture/page.py; when
   * the whole page is drawn also {languages, texts, outline, code}.
   */
  update(data, send) {
    if (!this.root.isConnected) this.parent.append(this.root);
    Object.assign(this, {
      send,
      outline: data.outline ?? this.outline,
      languages: data.languages ?? this.languages,
      inviteData: data.invitation ?? null,
    });
    Object.assign(this.runs, data.runs);
    Object.assign(this.texts, data.texts);
    if (!this.outline)
      return send("request", { scene: data.scene, language: data.language, missing_runs: true });
    this.root.classList.toggle("embed", Boolean(data.embed));
    this.root.classList.toggle("standalone", Boolean(data.standalone));
    if (!this.code) {
      this.code = new CodeView(data.code);
      this.codeBox.append(this.code.node);
    }
    if (this.sceneIndex == null) {
      this.sceneIndex = Math.max(this.indexOf(data.scene), 0);
      Object.assign(this, { language: data.language, start: data.start ?? null });
      this.showInAddress();
      if (data.present) this.present(true);
      if (data.room)
        this.room = new Room({ ...data.room, scene: data.scene }, (scene, view) =>
          this.goWithLecturer(scene, view),
        );
    }
    if (data.pictures) this.pictures = data.pictures;
    this.endsWithServer = Boolean(data.lead) && !data.lead.survives;
    this.drawScene();
    if (!this.hasRun && data.scene === this.scene.id) this.request({ missing_runs: true });
    else if (data.lead) this.lead(data.lead);
    if (!this.hasRun && data.scene !== this.scene.id) this.requestAgain();
    if (data.printing) this.makeSheets();
    return undefined;
  }

  /** The handout in the current language. Only the offline file has the pictures for it. */
  makeSheets() {
    if (!this.pictures) return;
    this.handout?.remove();
    this.handout = sheets(this, this.strings, this.textLanguage);
    this.root.after(this.handout);
  }

  // ---- scenes

  indexOf(scene) {
    return this.outline.findIndex(({ id }) => id === scene);
  }

  /** Shows the scene of an index. Returns whether it exists and is not the current one. */
  show(index) {
    if (index < 0 || index >= this.outline.length || index === this.sceneIndex) return false;
    Object.assign(this, { sceneIndex: index, isAnswered: false, choice: null, start: null });
    this.drawScene();
    return true;
  }

  /** Goes to a scene by this person's own choice, and stops following the lecturer. */
  go(index) {
    if (!this.show(index)) return;
    this.setFollowing(false);
    this.leading?.move();
    this.request();
  }

  setFollowing(on) {
    this.room?.follow(on);
    this.drawFollowing();
  }

  /**
   * Goes where the lecturer goes: to a scene and, if it is given, a view. A follower has all runs already: a class must
   * not ask Python all at once.
   */
  goWithLecturer(scene, view) {
    if (this.show(this.indexOf(scene)) && !this.hasRun) this.request();
    if (view && this.hasRun && this.scene.id === scene) this.goToView(view);
  }

  /** Moves the player of the scene to a view. */
  goToView(view) {
    this.start = { ...view, number: ++this.views }; // the player goes to each once
    this.showRun();
    this.drawPosition();
  }

  /** Whoever uses the player themselves goes on their own. */
  useOwnPlayer() {
    if (this.room?.isFollowing) this.setFollowing(false);
  }

  setLanguage(language) {
    this.language = language;
    this.drawScene();
    this.request();
  }

  /**
   * `missing_runs`: the browser has lost runs that were sent before. `lead`: the room that this tab led before.
   */
  request({ missing_runs = false, lead = null } = {}) {
    this.showInAddress();
    this.send?.("request", { scene: this.scene.id, language: this.language, missing_runs, lead });
  }

  /** Requests the scene on screen, unless it arrives meanwhile: a request is lost if the server is starting again. */
  requestAgain() {
    void whenUpToDate(() => this.hasRun || this.request(), this.listeners.signal);
  }

  /** Writes scene and language to the address, as app/screens/lecture/page.py does. The offline file does it itself. */
  showInAddress() {
    if (!this.root.classList.contains("standalone"))
      replaceAddress(addressWith(location.href, { scene: this.scene.id, lang: this.language }));
  }

  /**
   * Python opened a room for this page. If the tab led another room before, a reload or a restart of the server has come
   * between, and that one is requested once.
   */
  lead(room) {
    const mine = this.ledRoom ?? rememberedRoom();
    if (mine && mine.code !== room.code && !this.refused.has(mine.code)) {
      this.refused.add(mine.code);
      void whenUpToDate(() => this.request({ lead: mine }), this.listeners.signal);
      return;
    }
    const isNew = room.code !== this.ledRoom?.code;
    this.ledRoom = room;
    this.refused.clear();
    rememberRoom(room);
    if (!isNew) return;
    this.leading?.close();
    this.leading = new LedRoom(
      room,
      () => ({ scene: this.scene.id, view: this.view }),
      (audience) => {
        this.audience = audience;
        this.drawAudience();
      },
    );
  }

  // ---- the lecturer

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || isEditing(event.composedPath())) return;
    const name = keyName(event, (key) => Object.hasOwn(KEYS, key));
    const action = KEYS[name] ?? (event.key === "Escape" && this.closes ? "close" : null);
    if (!action && keyMeaning(event)) this.useOwnPlayer();
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.act(action);
  }

  /** Whether escape closes something of the lecture; otherwise the player gets the key. */
  get closes() {
    return (
      !this.blankScreen.hidden ||
      !this.invitation.node.hidden ||
      (this.root.classList.contains("full") && !document.fullscreenElement)
    );
  }

  act(action) {
    if (action === "next") this.go(this.sceneIndex + 1);
    else if (action === "previous") this.go(this.sceneIndex - 1);
    else if (action === "answer") this.setAnswered(!this.isAnswered);
    else if (action === "present") this.toggleFull();
    else if (action === "blank") this.blankScreen.hidden = !this.blankScreen.hidden;
    else if (action === "timer") this.timer.toggle();
    else if (action === "reset") this.timer.reset();
    else if (action === "notes") this.notes.open();
    else if (action === "invite") this.invite(this.invitation.node.hidden);
    else if (action === "close") this.close();
    else if (action === "follow") this.setFollowing(!this.room.isFollowing);
    if (action === "notes") this.drawTime();
  }

  /** Shows or hides the answer. A prediction is checked in the player: it goes to the call that decides it. */
  setAnswered(on) {
    this.isAnswered = on;
    if (on && this.scene.quiz?.reveal && this.hasRun) this.goToView(this.scene.quiz.reveal);
    this.drawAnswer();
  }

  /** This person chooses an answer, which counts in the room that they follow, and sees whether it is right. */
  choose(choice) {
    if (this.isAnswered) return;
    this.choice = choice;
    this.room?.answer(this.scene.id, choice);
    this.setAnswered(true);
  }

  close() {
    if (!this.blankScreen.hidden) this.blankScreen.hidden = true;
    else if (!this.invitation.node.hidden) this.invite(false);
    else this.present(false);
  }

  invite(on) {
    this.invitation.node.hidden = !(on && this.inviteData);
  }

  toggleFull() {
    // if the browser has no full screen for elements, or refuses it
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
    document.documentElement.lang = "en"; // the language of all other pages
    this.room?.close();
    this.leading?.close();
    this.player?.remove();
    this.playerObserver.disconnect();
    this.resizeObserver.disconnect();
    this.listeners.abort();
    this.timer.stop();
    this.notes.close();
    this.handout?.remove();
    this.root.remove();
  }
}

/**
 * Mounts the lecture in `parentElement`, or updates it. It requests scenes and languages with
 * setTriggerValue("request", {scene, language}).
 * @returns a function that removes the lecture once its element has left the page.
 */
export default function mount({ data, parentElement, setTriggerValue }) {
  const lecture = mountedIn(parentElement) ?? new Lecture(parentElement);
  lecture.update(data, setTriggerValue);
  return registerMounted(parentElement, lecture);
}
