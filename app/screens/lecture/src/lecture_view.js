/**
 * The screen of the lecture: bar, text, player, diagram and code, all for one scene and one call.
 */

import { icon, make, topOf, write } from "../../../../trm/player/view/dom.js";
import { Pair } from "../../../../trm/player/pair.js";
import { Player } from "../../../../trm/player/player.js";
import { setLanguage } from "../../../../trm/player/text/translate.js";
import { Diagram } from "./diagram.js";
import { clockText, fillIn, positionText, readingText } from "./call.js";
import { speakerNotes } from "./presenter.js";
import { inline, paragraph } from "./prose.js";
import { writeView } from "./room.js";

const ICONS = {
  blank: "M4 5h16v11H4zM9 18h6v2H9z",
  notes: "M5 4h14v16H5zM8 8v1.6h8V8zM8 11.4V13h8v-1.6zM8 14.8v1.6h5v-1.6z",
  invite:
    "M4 4h7v7H4zM6 6v3h3V6zM13 4h7v7h-7zM15 6v3h3V6zM4 13h7v7H4zM6 15v3h3v-3zM13 13h3v3h-3zM17 17h3v3h-3zM17 13h3v2h-3zM13 18h2v2h-2z",
  present: "M4 4h6v2.2H6.2V10H4zM14 4h6v6h-2.2V6.2H14zM4 14h2.2v3.8H10V20H4zM17.8 14H20v6h-6v-2.2h3.8z",
};
const POSITION_ATTRIBUTES = [
  "data-supervision-step",
  "data-cycle",
  "data-call",
  "data-kind",
  "data-mode",
  "aria-selected",
];
const IS_STACKED = "(max-width: 43.74em)"; // as in lecture.css
const SWIPE_LENGTH = 70; // pixels

/** Draws the lecture; its subclass in lecture.js decides what to draw. */
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
      previous: button("previous-scene", "‹", () => this.go(this.sceneIndex - 1)),
      next: button("next-scene", "›", () => this.go(this.sceneIndex + 1)),
      timer: button("timer", "0:00", () => this.act("timer")),
      blank: button("blank", icon(ICONS.blank), () => this.act("blank")),
      notes: button("notes", icon(ICONS.notes), () => this.act("notes")),
      invite: button("invite", icon(ICONS.invite), () => this.act("invite")),
      present: button("present", icon(ICONS.present), () => this.act("present")),
    };
    this.phones = make("span", { class: "phones", "data-testid": "phones", hidden: true }, "");
    this.count = make("span", { class: "count" }, "");
    this.title = make("h2", { "data-testid": "scene-title" }, "");
    this.languageButtons = make("div", { class: "languages", role: "group" });
    const { previous, next, ...others } = this.buttons;
    this.bar = make("header", { class: "top-bar" }, [
      previous,
      next,
      make("div", { class: "heading" }, [this.count, this.title]),
      make("div", { class: "tools" }, [
        this.following,
        this.phones,
        this.languageButtons,
        ...Object.values(others),
      ]),
    ]);
    this.sceneButtons = make("nav", { class: "scenes" });
    this.body = make("div", { class: "paragraphs" });
    this.question = make("p", { class: "question" });
    this.choices = make("div", { class: "choices", role: "group", "data-testid": "choices" });
    this.tally = make("p", { class: "tally", "data-testid": "tally", "aria-live": "polite" }, "");
    this.answerButton = button("answer", "", () => this.act("answer"));
    this.answer = make("p", { class: "answer", "data-testid": "scene-answer", "aria-live": "polite" });
    this.text = make("section", { class: "scene-text", "data-testid": "scene-text" }, [
      this.body,
      make("div", { class: "question-box" }, [
        this.question,
        this.choices,
        this.tally,
        this.answerButton,
        this.answer,
      ]),
    ]);
    this.playerBox = make("div", { class: "player-box" });
    this.playerBox.addEventListener("pointerdown", ({ target }) => {
      if (!target.closest?.("[data-term]")) this.useOwnPlayer();
    });
    this.position = make("p", { class: "position", "data-testid": "position" }, "");
    this.reading = make("p", { class: "reading", "data-testid": "reading" }, "");
    this.runCaption = make("p", { class: "run-caption" }, "");
    this.run = make("section", { class: "scene-run" }, [
      this.playerBox,
      make("div", { class: "captions" }, [this.position, this.reading, this.runCaption]),
    ]);
    this.diagramBox = make("section", { class: "diagram-box" });
    this.codeBox = make("div", { class: "code-box" });
    this.blankScreen = make("div", { class: "blank-screen", hidden: true, "data-testid": "blank-screen" });
    this.blankScreen.addEventListener("click", () => this.act("blank"));
    this.root.append(
      this.bar,
      this.sceneButtons,
      make("main", { class: "scene-parts" }, [this.text, this.run, this.diagramBox, this.codeBox]),
      this.invitation.node,
      this.blankScreen,
    );
    this.watchSwipes();
  }

  /** A swipe over the text changes the scene; the player has its own gestures. */
  watchSwipes() {
    let from = null;
    this.text.addEventListener("pointerdown", (event) => {
      from = event.pointerType === "touch" ? event : null;
    });
    this.text.addEventListener("pointerup", (event) => {
      const [across, down] = from ? [event.clientX - from.clientX, event.clientY - from.clientY] : [0, 0];
      if (Math.abs(across) > SWIPE_LENGTH && Math.abs(across) > 2 * Math.abs(down))
        this.go(this.sceneIndex + (across < 0 ? 1 : -1));
      from = null;
    });
  }

  get scene() {
    return this.outline[this.sceneIndex];
  }

  /** The language of the texts shown: the chosen one, once Python has sent it. */
  get textLanguage() {
    return this.language in this.texts ? this.language : Object.keys(this.texts)[0];
  }

  get strings() {
    return this.texts[this.textLanguage];
  }

  // ---- the scene

  /** The follow button of people who joined by the lecturer's code. */
  drawFollowing() {
    const { room, following } = this;
    following.hidden = !room;
    if (!room) return;
    const { words } = this.strings;
    write(following, words[room.isFollowing ? "following" : "follow"]);
    following.title = words[room.isFollowing ? "following_hint" : "follow_hint"];
    following.setAttribute("aria-pressed", String(room.isFollowing));
  }

  /** The number of followers, and how they answered the question of the scene. */
  drawAudience() {
    const { audience, phones, tally, strings, scene } = this;
    const followers = audience?.followers ?? 0;
    phones.hidden = !followers;
    write(phones, fillIn(strings.words.phones, { count: followers }));
    this.invitation.count(followers ? phones.textContent : "");
    const counts = audience?.answers[scene.id];
    const total = counts?.reduce((sum, count) => sum + count, 0) ?? 0;
    tally.hidden = !total || !scene.quiz;
    write(tally, fillIn(strings.words.answers, { count: total }));
    [...this.choices.children].forEach((node, choice) => {
      const share = total && this.isAnswered ? counts[choice] / total : 0;
      node.style.setProperty("--share", share);
      node.dataset.count = total && this.isAnswered ? counts[choice] : "";
    });
  }

  /** The choices of the question, if it has any. */
  drawChoices({ choices }) {
    this.text.classList.toggle("quiz", Boolean(choices.length));
    this.choices.hidden = !choices.length;
    this.choices.setAttribute("aria-label", this.strings.words.choices);
    this.choices.replaceChildren(
      ...choices.map((text, choice) => {
        const node = make(
          "button",
          { type: "button", "data-choice": choice },
          make("span", {}, inline(text)),
        );
        node.addEventListener("click", () => this.choose(choice));
        return node;
      }),
    );
  }

  drawScene() {
    const { scene, sceneIndex, strings, root, outline } = this;
    const { words } = strings;
    const texts = strings.scenes[scene.id];
    root.lang = document.documentElement.lang = this.textLanguage;
    Object.assign(root.dataset, {
      scene: scene.id,
      strips: scene.strips.length,
      show: scene.strips.join(" "),
    });
    root.classList.toggle("paired", scene.runs.length > 1);
    this.drawFollowing();
    write(this.title, texts.title);
    write(this.count, `${sceneIndex + 1}/${outline.length}`);
    this.body.replaceChildren(...texts.text.map((text) => paragraph(text)));
    this.question.replaceChildren(...inline(texts.question));
    this.answer.replaceChildren(...inline(texts.answer));
    this.drawChoices(texts);
    write(
      this.runCaption,
      [...texts.run_captions, scene.current ? "" : words.other_weights].filter(Boolean).join(" · "),
    );
    this.drawButtons(words);
    this.drawAnswer();
    this.showRun();
    this.sizes = scene.sizes.at(-1);
    this.diagram = new Diagram(this.sizes, words, scene.point);
    this.diagramBox.replaceChildren(this.diagram.node);
    this.code.show(this.sizes, words, scene);
    this.drawPosition();
    this.notes.show(speakerNotes(strings, outline, sceneIndex, this.textLanguage));
    this.drawInvitation(words);
    this.fit();
  }

  /** A follower's code leads to the lecturer in any scene; that of the site leads to the scene that Python sent. */
  drawInvitation(words) {
    const { inviteData: code, scene, endsWithServer } = this;
    if (code?.scene === scene.id) this.invitation.show(code, words, { endsWithServer });
    else if (this.room && code) this.invitation.show({ ...code, site: null }, words, { endsWithServer });
  }

  drawButtons(words) {
    const { buttons, sceneIndex, outline, languages } = this;
    const names = {
      previous: ["previous", "page up"],
      next: ["next", "page down"],
      present: ["present", "f"],
      blank: ["blank", "b"],
      timer: ["timer", "t"],
      notes: ["notes", "o"],
      invite: ["invite", "i"],
    };
    for (const [name, [word, key]] of Object.entries(names)) {
      buttons[name].title = `${words[word]} (${key})`;
      buttons[name].setAttribute("aria-label", buttons[name].title);
    }
    buttons.previous.disabled = sceneIndex === 0;
    buttons.next.disabled = sceneIndex === outline.length - 1;
    buttons.invite.hidden = !this.inviteData;
    this.languageButtons.replaceChildren(
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
        node.addEventListener("click", () => this.setLanguage(code));
        return node;
      }),
    );
    this.sceneButtons.replaceChildren(
      ...outline.map(({ id }, index) => {
        const node = make("button", {
          type: "button",
          title: this.strings.scenes[id].title,
          "aria-label": `${index + 1}. ${this.strings.scenes[id].title}`,
          "aria-current": index === sceneIndex ? "step" : null,
        });
        node.addEventListener("click", () => this.go(index));
        return node;
      }),
    );
  }

  drawAnswer() {
    const { words } = this.strings;
    this.text.classList.toggle("answered", this.isAnswered);
    this.answer.hidden = !this.isAnswered;
    const { quiz } = this.scene;
    [...this.choices.children].forEach((node, choice) => {
      node.disabled = this.isAnswered;
      node.setAttribute("aria-pressed", String(choice === this.choice));
      const verdict = !this.isAnswered
        ? null
        : choice === quiz.right
          ? "right"
          : choice === this.choice && "wrong";
      node.dataset.verdict = verdict || "";
      node.title = verdict ? words[verdict] : "";
    });
    this.drawAudience();
    write(this.answerButton, `${this.isAnswered ? words.hide_answer : words.show_answer} (q)`);
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
    const { name: language, player: words } = this.strings;
    const isSameKind = this.player instanceof Kind;
    const settings = isSameKind && language !== this.playerLanguage ? this.player.settings : null;
    if (!isSameKind || settings) {
      this.player?.remove();
      this.playerBox.replaceChildren();
      setLanguage(words);
      this.playerLanguage = language;
      this.player = Kind === Pair ? new Pair(this.playerBox) : new Player(this.playerBox, this.root);
    }
    const start = { ...scene.start, ...this.start, runs: scene.runs.join() }; // other runs start again
    const names = scene.names ?? [];
    const data =
      payloads.length > 1
        ? { players: payloads, names, titles: names.map(() => ""), start, hint: "" }
        : { ...payloads[0], start };
    this.player.update(data, null, null);
    if (settings) this.player.restore(settings); // only the language changes, not the position
    this.playerObserver.observe(this.playerBox, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: POSITION_ATTRIBUTES,
    });
    return undefined;
  }

  wait() {
    this.player?.remove();
    this.player = null;
    this.playerBox.replaceChildren(
      make("p", { class: "waiting", role: "status" }, this.strings.words.waiting),
    );
  }

  /** The player that diagram and code follow: of a pair the second. */
  get mainPlayer() {
    return [...this.playerBox.querySelectorAll('[data-testid="player"]')].at(-1);
  }

  /** The diagram, the code and the captions at the player's call. */
  drawPosition() {
    const { words } = this.strings;
    const { supervisionStep, cycle, call, kind } = this.mainPlayer?.dataset ?? {};
    const { start } = this.scene;
    const at = kind
      ? { supervision_step: Number(supervisionStep), cycle: Number(cycle), call: Number(call), kind }
      : start;
    this.diagram.draw(at);
    this.code.draw(at);
    write(this.position, positionText(words, this.sizes, at));
    const mode = this.mainPlayer?.querySelector(".cells")?.dataset.mode ?? start.mode;
    write(this.reading, readingText(words, this.sizes, at, mode));
    this.leading?.moveSoon();
  }

  /** The view of the player as the server has it; "" while there is no run. */
  get view() {
    return this.player && this.hasRun ? writeView(this.player.view()) : "";
  }

  drawTime() {
    const { seconds } = this.timer;
    write(this.buttons.timer, clockText(seconds));
    this.buttons.timer.setAttribute("aria-pressed", String(this.timer.runs));
    this.notes.tick(seconds);
  }

  /**
   * Fits the lecture into the rest of the window, and the text's type size to its box.
   */
  fit() {
    if (!this.root.isConnected || !this.texts || !this.outline) return;
    const top = this.root.classList.contains("full") ? 0 : Math.max(topOf(this.root), 0);
    this.root.style.setProperty("--top", `${Math.round(Math.min(top, innerHeight / 3))}px`);
    fitText(this.text);
  }
}

/**
 * Sets the largest type size at which a text fits its box. On a phone the page scrolls instead.
 */
function fitText(node) {
  if (matchMedia(IS_STACKED).matches) return;
  const sizes = [1.9, 1.75, 1.6, 1.5, 1.4, 1.3, 1.2, 1.12, 1.05, 0.98, 0.92, 0.86, 0.8];
  for (const size of sizes) {
    node.style.setProperty("--text", `${size}rem`);
    if (node.scrollHeight <= node.clientHeight + 1) return;
  }
}
