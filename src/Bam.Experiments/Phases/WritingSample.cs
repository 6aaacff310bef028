using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A few words that a model writes from the start of a document, to look at while a recipe runs.</summary>
internal static class WritingSample
{
    private const int Tokens = 40;

    private static readonly GenerationOptions s_options = new()
    {
        MaxNewTokens = Tokens,
        Sampler = new() { Temperature = 0.7, TopP = 0.95, Seed = 1 },
    };

    /// <summary>Reports the text; nothing if no token begins a document, or the model's context is shorter.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="checkpoint">Its directory, which has the tokenizer.</param>
    /// <param name="model">The model.</param>
    /// <param name="reporter">Told of the text.</param>
    public static void Report(string name, string checkpoint, LanguageModel model, IReporter reporter)
    {
        var tokenizer = Tokenizer.Load(checkpoint);
        if (tokenizer.EndOfTextId is not { } start || model.Config.LongestInput <= Tokens) return;
        var written = new Generator(model, tokenizer).Run([start], s_options);
        var words = written.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        reporter.Say($"  {name} writes: {string.Join(' ', words)}");
    }
}
