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

    private static readonly SamplerOptions s_sampler = new() { Temperature = 0.7, TopP = 0.95, Seed = 1 };

    /// <summary>
    /// Reports the text; nothing if the model's context or the held-out text is too short, the checkpoint has no tokenizer, or
    /// the text is blank.
    /// </summary>
    /// <param name="name">The model's name.</param>
    /// <param name="checkpoint">Its directory, which has the tokenizer.</param>
    /// <param name="model">The model.</param>
    /// <param name="heldOut">The text of which the first tokens are the prompt.</param>
    /// <param name="context">Told of the text; a cancellation ends it early.</param>
    public static void Report(
        string name, string checkpoint, LanguageModel model, HeldOutText heldOut, PhaseContext context)
    {
        var room = Math.Min(NewTokens, model.Config.LongestInput - PromptTokens);
        if (heldOut.Tokens.TokenCount < PromptTokens || room < 1) return;
        try
        {
            var tokenizer = Tokenizer.Load(checkpoint);
            var prompt = new int[PromptTokens];
            heldOut.Tokens.Read(0, prompt);
            var options = new GenerationOptions { MaxNewTokens = room, Sampler = s_sampler };
            var written = OneLine(
                new Generator(model, tokenizer).Run(prompt, options, cancellation: context.Cancellation).Text);
            if (written.Length == 0) return;
            var asked = OneLine(tokenizer.Decode(prompt, skipSpecialTokens: true));
            context.Reporter.Say($"  {name} continues \"{asked}\": {written}");
        }
        catch (InvalidInputException)
        {
            // No tokenizer, or no memory for a cache: no reason to lose what was measured.
        }
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
