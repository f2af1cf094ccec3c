/** Catches what a component throws, so that one broken part doesn't take the page away. */
import { Component, type ReactNode } from "react";
import { Button } from "../ui/Button";

export class ErrorBoundary extends Component<{ children: ReactNode; part: string }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="center-note" role="alert">
        <h2>{this.props.part} can’t be shown</h2>
        <p>{error.message}</p>
        <p>Your files are not touched by this. Show it again, or reload the page.</p>
        <Button onClick={() => this.setState({ error: null })}>Show it again</Button>
      </div>
    );
  }
}
