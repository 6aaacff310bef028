using Bam.Data;
using Bam.Data.Building;
using Bam.Tokenization;

namespace Bam.Library;

/// <summary>Token shards of a domain, in Megatron-LM's format: what models are trained and evaluated on.</summary>
public static class TokenData
{
    /// <summary>Builds shards from text. Near-duplicates are dropped, and whole documents are held out for evaluation.</summary>
    /// <param name="inputs">
    /// Files (<c>.txt</c>, <c>.jsonl</c>, <c>.parquet</c>; also <c>.gz</c>, <c>.zst</c>), folders and patterns such as
    /// <c>law/*.txt</c>.
    /// </param>
    /// <param name="tokenizer">A <c>tokenizer.json</c>, or the directory that holds it.</param>
    /// <param name="output">The directory to create; its name is the name of the domain. Older shards in it are replaced.</param>
    /// <param name="heldOutFraction">The fraction of tokens to hold out, 0 to 0.5.</param>
    /// <param name="reporter">Receives progress and warnings.</param>
    /// <param name="cancellation">Stops the work; nothing is left in <paramref name="output"/>.</param>
    /// <exception cref="InvalidInputException">An input is missing or damaged, or the output holds other files.</exception>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Build(
        IReadOnlyList<string> inputs,
        string tokenizer,
        string output,
        double heldOutFraction = 0.05,
        IReporter? reporter = null,
        CancellationToken cancellation = default)
    {
        ArgumentRules.RequireTexts(inputs, nameof(inputs), nameof(inputs));
        ArgumentException.ThrowIfNullOrEmpty(tokenizer);
        ArgumentException.ThrowIfNullOrEmpty(output);
        var options = new DataBuildOptions
        {
            Inputs = inputs,
            Encoder = TextEncoder.Of(Tokenizer.Load(tokenizer), tokenizer),
            Output = output,
            HeldOutFraction = heldOutFraction,
        };
        DataBuilder.Build(options, reporter ?? SilentReporter.Instance, cancellation);
    }
}
