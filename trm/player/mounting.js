/** What is mounted in an element, for as long as that is on the page. */

const mounted = new WeakMap(); // by element

export const mountedIn = (element) => mounted.get(element);

/**
 * Remembers what is mounted in an element.
 * @returns a function that removes it if its element has left the page. While that is there, it is asked for
 * a state that was overtaken: Streamlit imports the script anew for each, and the next one may still be on
 * its way.
 */
export function registerMounted(element, view) {
  mounted.set(element, view);
  return () => {
    if (element.isConnected) return;
    mounted.get(element)?.remove();
    mounted.delete(element);
  };
}
