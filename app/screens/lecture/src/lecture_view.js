/**
 * What is on the screen of a lecture: its bar, the text, the player, the diagram and the code, all for one
 * scene and one call.
 */

import { icon, make, topOf, write } from "../../../../trm/player/view/dom.js";
import { Pair } from "../../../../trm/player/pair.js";
import { Player } from "../../../../trm/player/player.js";
import { setLanguage } from "../../../../trm/player/text/translate.js";
import { Diagram } from "./diagram.js";
import { clockText, placeWords, readingWords } from "./following.js";
import { noteWords } from "./presenter.js";
import { inline, paragraph } from "./prose.js";

const ICONS_HERE = {
  blank: "M4 5h16v11H4zM9 18h6v2H9z",
  notes: "M5 4h14v16H5zM8 8v1.6h8V8zM8 11.4V13h8v-1.6zM8 14.8v1.6h5v-1.6z",
  invite:
    "M4 4h7v7H4zM6 6v3h3V6zM13 4h7v7h-7zM15 6v3h3V6zM4 13h7v7H4zM6 15v3h3v-3zM13 13h3v3h-3zM17 17h3v3h-3zM17 13h3v2h-3zM13 18h2v2h-2z",
  present: "M4 4h6v2.2H6.2V10H4zM14 4h6v6h-2.2V6.2H14zM4 14h2.2v3.8H10V20H4zM17.8 14H20v6h-6v-2.2h3.8z",
};
const PLACE = ["data-supervision-step", "data-cycle", "data-call", "data-kind"];
const NARROW = 700; // pixels; see the style
const SWIPE = 70; // pixels that a finger travels to change the scene

/** The half of a lecture that draws; the other half (lecture.js) says what is to be drawn. */
export class LectureView {
  build() {
    const button = (name, text, act) => {
      const node = make("button", { type: "button", "data-testid": name }, text);
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", act);
      return node;
    };
    this.following = button("following", "", () => this.act("follow"));
    this.buttons = {
      previous: button("previous-scene", "‹", () => this.go(this.at - 1)),
      next: button("next-scene", "›", () => this.go(this.at + 1)),
      timer: button("timer", "0:00", () => this.act("timer")),
      blank: button("blank", icon(ICONS_HERE.blank), () => this.act("blank")),
      notes: button("notes", icon(ICONS_HERE.notes), () => this.act("notes")),
      invite: button("invite", icon(ICONS_HERE.invite), () => this.act("invite")),
      present: button("present", icon(ICONS_HERE.present), () => this.act("present")),
    };
    this.count = make("span", { class: "count" }, "");
    this.title = make("h2", { "data-testid": "scene-title" }, "");
    this.choices = make("div", { class: "languages", role: "group" });
    const { previous, next, ...others } = this.buttons;
    this.bar = make("header", { class: "top-bar" }, [
      previous,
      next,
      make("div", { class: "heading" }, [this.count, this.title]),
      make("div", { class: "tools" }, [this.following, this.choices, ...Object.values(others)]),
    ]);
    this.steps = make("nav", { class: "scenes" });
    this.body = make("div", { class: "paragraphs" });
    this.question = make("p", { class: "question" });
    this.ask = button("answer", "", () => this.act("answer"));
    this.answer = make("p", { class: "answer", "data-testid": "scene-answer", "aria-live": "polite" });
    this.text = make("section", { class: "scene-text", "data-testid": "scene-text" }, [
      this.body,
      make("div", { class: "asked" }, [this.question, this.ask, this.answer]),
    ]);
    this.place = make("div", { class: "place-of-player" });
    this.here = make("p", { class: "here", "data-testid": "here" }, "");
    this.reading = make("p", { class: "reading", "data-testid": "reading" }, "");
    this.made = make("p", { class: "made" }, "");
    this.run = make("section", { class: "scene-run" }, [
      this.place,
      make("div", { class: "under" }, [this.here, this.reading, this.made]),
    ]);
    this.picture = make("section", { class: "picture-of-loops" });
    this.codePlace = make("div", { class: "code-place" });
    this.dark = make("div", { class: "dark", hidden: true, "data-testid": "dark" });
    this.dark.addEventListener("click", () => this.act("blank"));
    this.root.append(
      this.bar,
      this.steps,
      make("main", { class: "scene-parts" }, [this.text, this.run, this.picture, this.codePlace]),
      this.invitation.node,
      this.dark,
    );
    this.watchFingers();
  }

  /** A finger that travels over the text changes the scene; the player has its own gestures. */
  watchFingers() {
    let from = null;
    this.text.addEventListener("pointerdown", (event) => {
      from = event.pointerType === "touch" ? event : null;
    });
    this.text.addEventListener("pointerup", (event) => {
      const [across, down] = from ? [event.clientX - from.clientX, event.clientY - from.clientY] : [0, 0];
      if (Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(down))
        this.go(this.at + (across < 0 ? 1 : -1));
      from = null;
    });
  }

  get scene() {
    return this.outline[this.at];
  }

  /** The language of the texts that are here: the chosen one, as soon as Python has sent it. */
  get tongue() {
    return this.language in this.texts ? this.language : Object.keys(this.texts)[0];
  }

  get spoken() {
    return this.texts[this.tongue];
  }

  // ---- the scene

  /** For who came by the lecturer's code: whether they go along, and the way to change it. */
  drawFollowing() {
    const { room, following } = this;
    following.hidden = !room;
    if (!room) return;
    write(following, this.spoken.words[room.isFollowed ? "following" : "follow"]);
    following.setAttribute("aria-pressed", String(room.isFollowed));
  }

  drawScene() {
    const { scene, spoken, root, at, outline } = this;
    const { words } = spoken;
    const said = spoken.scenes[scene.id];
    root.lang = document.documentElement.lang = this.tongue;
    Object.assign(root.dataset, {
      scene: scene.id,
      strips: scene.strips.length,
      show: scene.strips.join(" "),
    });
    root.classList.toggle("paired", scene.runs.length > 1);
    this.drawFollowing();
    write(this.title, said.title);
    write(this.count, `${at + 1}/${outline.length}`);
    this.body.replaceChildren(...said.text.map((text) => paragraph(text)));
    this.question.replaceChildren(...inline(said.question));
    this.answer.replaceChildren(...inline(said.answer));
    write(this.made, [...said.made_by, scene.current ? "" : words.other_weights].filter(Boolean).join(" · "));
    this.drawButtons(words);
    this.drawAnswer();
    this.showRun();
    this.sizes = scene.sizes.at(-1);
    this.diagram = new Diagram(this.sizes, words, scene.point);
    this.picture.replaceChildren(this.diagram.node);
    this.code.show(this.sizes, words, scene);
    this.follow();
    this.notes.show(noteWords(spoken, outline, at, this.tongue));
    this.invitation.show(this.room || this.invited?.scene === scene.id ? this.invited : null, words);
    this.fit();
  }

  drawButtons(words) {
    const { buttons, at, outline, languages } = this;
    const names = {
      previous: ["previous", "page up"],
      next: ["next", "page down"],
      present: ["present", "f"],
      blank: ["blank", "b"],
      timer: ["timer", "t"],
      notes: ["notes", "o"],
      invite: ["share", "i"],
    };
    for (const [name, [word, key]] of Object.entries(names)) {
      buttons[name].title = `${words[word]} (${key})`;
      buttons[name].setAttribute("aria-label", buttons[name].title);
    }
    buttons.previous.disabled = at === 0;
    buttons.next.disabled = at === outline.length - 1;
    buttons.invite.hidden = !this.invited;
    this.choices.replaceChildren(
      ...Object.entries(languages).map(([code, name]) => {
        const node = make(
          "button",
          {
            type: "button",
            "aria-pressed": String(code === this.language),
            title: name,
            lang: code,
            "data-testid": `language-${code}`,
          },
          code.toUpperCase(),
        );
        node.addEventListener("click", () => this.speak(code));
        return node;
      }),
    );
    this.steps.replaceChildren(
      ...outline.map(({ id }, place) => {
        const node = make("button", {
          type: "button",
          title: this.spoken.scenes[id].title,
          "aria-label": `${place + 1}. ${this.spoken.scenes[id].title}`,
          "aria-current": place === at ? "step" : null,
        });
        node.addEventListener("click", () => this.go(place));
        return node;
      }),
    );
  }

  drawAnswer() {
    const { words } = this.spoken;
    this.text.classList.toggle("answered", this.isAnswered);
    this.answer.hidden = !this.isAnswered;
    write(this.ask, `${this.isAnswered ? words.hide_answer : words.show_answer} (q)`);
    this.fit();
  }

  // ---- the player

  get hasRun() {
    return this.scene.runs.every((name) => this.runs[name]);
  }

  showRun() {
    const { scene } = this;
    if (!this.hasRun) return this.wait();
    const payloads = scene.runs.map((name) => this.runs[name]);
    const Kind = payloads.length > 1 ? Pair : Player;
    const { name: language, player: words } = this.spoken;
    const isSame = this.player instanceof Kind;
    const settings = isSame && language !== this.playerSpeaks ? this.player.settings : null;
    if (!isSame || settings) {
      this.player?.remove();
      this.place.replaceChildren();
      setLanguage(words);
      this.playerSpeaks = language;
      this.player = Kind === Pair ? new Pair(this.place) : new Player(this.place, this.root);
    }
    const start = { ...scene.start, ...this.start, runs: scene.runs.join() }; // other runs begin anew
    const names = scene.names ?? [];
    const data =
      payloads.length > 1
        ? { players: payloads, names, titles: names.map(() => ""), start, hint: "" }
        : { ...payloads[0], start };
    this.player.update(data, null, null);
    if (settings) this.player.restore(settings); // in another language it goes on where it was
    this.watching.observe(this.place, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: PLACE,
    });
    return undefined;
  }

  wait() {
    this.player?.remove();
    this.player = null;
    this.place.replaceChildren(make("p", { class: "waiting", role: "status" }, this.spoken.words.waiting));
  }

  /** The player that diagram and code follow: of two the second. */
  get followed() {
    return [...this.place.querySelectorAll('[data-testid="player"]')].at(-1);
  }

  follow() {
    const { words } = this.spoken;
    const { supervisionStep, cycle, call, kind } = this.followed?.dataset ?? {};
    const { start } = this.scene;
    const at = kind
      ? { supervision_step: Number(supervisionStep), cycle: Number(cycle), call: Number(call), kind }
      : start;
    this.diagram.draw(at);
    this.code.draw(at);
    write(this.here, placeWords(words, this.sizes, at));
    const mode = this.followed?.querySelector(".cells")?.dataset.mode ?? start.mode;
    write(this.reading, readingWords(words, this.sizes, at, mode));
  }

  drawTime() {
    const { seconds } = this.timer;
    write(this.buttons.timer, clockText(seconds));
    this.buttons.timer.setAttribute("aria-pressed", String(this.timer.runs));
    this.notes.tick(seconds);
  }

  /**
   * How far down the page the lecture begins: the rest of the window is its own. And as large a type as there
   * is room for.
   */
  fit() {
    if (!this.root.isConnected || !this.texts || !this.outline) return;
    const top = this.root.classList.contains("full") ? 0 : Math.max(topOf(this.root), 0);
    this.root.style.setProperty("--top", `${Math.round(Math.min(top, innerHeight / 3))}px`);
    fitText(this.text);
  }
}

/**
 * The largest type, in steps, with which a text needs no more height than it has. On a phone it has all that
 * it needs.
 */
function fitText(node) {
  if (innerWidth < NARROW) return;
  const sizes = [1.9, 1.75, 1.6, 1.5, 1.4, 1.3, 1.2, 1.12, 1.05, 0.98, 0.92, 0.86, 0.8];
  for (const size of sizes) {
    node.style.setProperty("--text", `${size}rem`);
    if (node.scrollHeight <= node.clientHeight + 1) return;
  }
}
