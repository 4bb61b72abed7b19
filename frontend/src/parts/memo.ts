// Draws a component anew only when one of its properties is another value.
import { type ComponentType, Component, h } from "preact";

export function memo<Props extends object>(inner: ComponentType<Props>): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const names = Object.keys(next) as (keyof Props)[];
      return names.some((name) => next[name] !== this.props[name]);
    }

    override render(props: Props) {
      return h(inner, props);
    }
  };
}
