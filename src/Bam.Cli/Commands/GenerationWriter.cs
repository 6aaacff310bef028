using System.Globalization;
using Bam.Checkpoints;
using Bam.Generation;
using Bam.Tokenization;
using Bam.Upcycling;

namespace Bam.Cli.Commands;

/// <summary>Generates text and writes it token by token, then the times or, with <c>--json</c>, the whole result.</summary>
/// <param name="invocation">Where to write.</param>
/// <param name="directory">The model, as the user names it.</param>
/// <param name="checkpoint">The model's directory, without adapters.</param>
/// <param name="options">How to generate.</param>
/// <param name="tokenizer">The model's.</param>
/// <param name="config">The model's.</param>
internal sealed class GenerationWriter(
    Invocation invocation,
    string directory,
    string checkpoint,
    GenerationOptions options,
    Tokenizer tokenizer,
    ModelConfig config)
{
    /// <summary>Generates; a prompt that is too long is refused before anything is written.</summary>
    /// <exception cref="OperationCanceledException">Interrupted, after the text so far was written.</exception>
    public GenerationResult Run(Generator generator, int[] ids)
    {
        _ = generator.RoomAfter(ids.Length);
        var names = options.TraceRouting ? ExpertNames.Of(checkpoint, config) : null;
        var experts = options.TraceRouting ? new ExpertLines(config, tokenizer, names) : null;
        if (experts is not null) invocation.WritePiece(experts.Head);

        var result = generator.Run(
            ids,
            options,
            token => invocation.WritePiece(experts is null ? token.Text : experts.LineOf(token)),
            invocation.Cancellation);
        invocation.WritePiece(experts is null ? "\n" : $"\n{result.Text}\n");
        Finish(result, names);
        return result;
    }

    // The text is already written, so an interruption only changes the exit status.
    private void Finish(GenerationResult result, IReadOnlyList<string>? names)
    {
        invocation.WriteJson(() => new
        {
            Model = directory,
            result.Text,
            result.StopReason,
            result.PromptTokens,
            Ids = result.Tokens.Select(token => token.Id),
            Tokens = result.Tokens.Select(token => new { token.Id, Token = tokenizer.IdToToken(token.Id), token.Route }),
            Experts = names,
            options.Sampler,
            result.PrefillSeconds,
            result.DecodeSeconds,
            result.TokensPerSecond,
            result.CacheBytes,
        });
        invocation.Reporter.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Tokens.Count:N0} {(result.Tokens.Count == 1 ? "token" : "tokens")} "
            + $"after a prompt of {result.PromptTokens:N0}, ended by {Words(result.StopReason)}; "
            + $"prefill {result.PrefillSeconds:0.000} s, decode {result.DecodeSeconds:0.000} s, "
            + $"{result.TokensPerSecond:0.0} tokens/s; keys and values {result.CacheBytes / 1e6:0.0} MB"));
        if (result.StopReason == StopReason.Interrupted) throw new OperationCanceledException(invocation.Cancellation);
    }

    private static string Words(StopReason reason) => reason switch
    {
        StopReason.MaxTokens => "the token limit",
        StopReason.EndOfText => "end of text",
        StopReason.StopString => "a stop string",
        _ => "interruption",
    };
}
