namespace Bam.Evaluation.Tasks.Running;

/// <summary>What answers tasks. Requests are answered in any order, each exactly once.</summary>
internal interface ITaskModel
{
    /// <summary>Scores continuations.</summary>
    /// <param name="requests">The texts.</param>
    /// <param name="answered">Receives the index of each request and its score.</param>
    /// <param name="cancellation">Stops between two passes.</param>
    /// <exception cref="InvalidInputException">The model cannot read a request.</exception>
    void Score(
        IReadOnlyList<ContinuationRequest> requests, Action<int, ContinuationScore> answered, CancellationToken cancellation);

    /// <summary>Continues prompts with the most likely tokens.</summary>
    /// <param name="requests">The prompts.</param>
    /// <param name="answered">Receives the index of each request and the text, which ends before a stop string.</param>
    /// <param name="cancellation">Stops between two passes.</param>
    /// <exception cref="InvalidInputException">The model cannot read a request.</exception>
    void Generate(IReadOnlyList<ContinueRequest> requests, Action<int, string> answered, CancellationToken cancellation);
}

/// <summary>A continuation to score after a context.</summary>
internal sealed record ContinuationRequest(string Context, string Continuation);

/// <summary>A prompt to continue.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Until">The text ends before the first of these.</param>
/// <param name="MaxTokens">The most tokens.</param>
internal sealed record ContinueRequest(string Prompt, IReadOnlyList<string> Until, int MaxTokens);

/// <summary>How likely a continuation is.</summary>
/// <param name="LogLikelihood">The sum over its tokens, in nats.</param>
/// <param name="IsGreedy">Whether each token is the most likely one.</param>
internal sealed record ContinuationScore(double LogLikelihood, bool IsGreedy);
