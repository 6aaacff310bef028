using Bam.Data;
using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>How a model continues the beginning of a held-out text: something to look at while a recipe runs.</summary>
internal static class WritingSample
{
    private const int PromptTokens = 12;
    private const int NewTokens = 40;

    private static readonly GenerationOptions s_options = new()
    {
        MaxNewTokens = NewTokens,
        Sampler = new() { Temperature = 0.7, TopP = 0.95, Seed = 1 },
    };

    /// <summary>Reports the text; nothing if the model's context or the held-out text is too short, or the text is blank.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="checkpoint">Its directory, which has the tokenizer.</param>
    /// <param name="model">The model.</param>
    /// <param name="heldOut">The text of which the first tokens are the prompt.</param>
    /// <param name="reporter">Told of the text.</param>
    public static void Report(string name, string checkpoint, LanguageModel model, HeldOutText heldOut, IReporter reporter)
    {
        if (heldOut.Tokens.TokenCount < PromptTokens || model.Config.LongestInput < PromptTokens + NewTokens) return;
        var tokenizer = Tokenizer.Load(checkpoint);
        var prompt = new int[PromptTokens];
        heldOut.Tokens.Read(0, prompt);
        var written = OneLine(new Generator(model, tokenizer).Run(prompt, s_options).Text);
        if (written.Length == 0) return;
        reporter.Say($"  {name} continues \"{OneLine(tokenizer.Decode(prompt, skipSpecialTokens: true))}\": {written}");
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
