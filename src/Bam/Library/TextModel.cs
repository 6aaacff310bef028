using Bam.Checkpoints;
using Bam.Evaluation;
using Bam.Files;
using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Library;

/// <summary>A language model with its tokenizer: generates, scores and evaluates. For one thread at a time.</summary>
public sealed class TextModel : IDisposable
{
    private const int MaxDefaultWindow = 2048;

    private readonly LanguageModel model;

    private TextModel(LanguageModel model, Tokenizer tokenizer) => (this.model, Tokenizer) = (model, tokenizer);

    /// <summary>The sizes of the model.</summary>
    public ModelConfig Config => model.Config;

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Loads a Hugging Face checkpoint; weights become float32.</summary>
    /// <param name="directory">
    /// Holds <c>config.json</c>, safetensors weights and <c>tokenizer.json</c>; or BASE+ADAPTER with a LoRA adapter of PEFT.
    /// </param>
    /// <param name="device">"auto" (the first GPU, if there is one), "cpu" or "cuda:N".</param>
    /// <param name="reporter">Receives warnings, for example about unknown keys of <c>config.json</c>.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or unsupported, or there is no such device.</exception>
    public static TextModel Load(string directory, string device = "auto", IReporter? reporter = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentException.ThrowIfNullOrEmpty(device);
        reporter ??= SilentReporter.Instance;
        var tokenizer = Tokenizer.Load(ModelPath.Of(directory).Base);
        LibTorch.Load();
        var model = ModelCheckpoint.Load(directory, DeviceOf(device), reporter, withGradients: false);
        tokenizer.RequireFits(model.Config.VocabSize, directory, reporter);
        return new TextModel(model, tokenizer);
    }

    /// <summary>Continues a prompt.</summary>
    /// <param name="prompt">Text; special tokens in it are recognized.</param>
    /// <param name="options">Length, sampling and stop strings; by default up to 128 tokens, sampled at temperature 1.</param>
    /// <param name="onText">Receives the continuation piece by piece.</param>
    /// <param name="cancellation">Stops after the next token.</param>
    /// <returns>The continuation, without the prompt.</returns>
    /// <exception cref="InvalidInputException">
    /// Prompt and continuation exceed the longest input of the model, or an option is out of range.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// Cancelled; <paramref name="onText"/> has received the text so far.
    /// </exception>
    public string Generate(
        string prompt,
        GenerationOptions? options = null,
        Action<string>? onText = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        options ??= new();
        ArgumentRules.RequireValue(options.Sampler, nameof(GenerationOptions.Sampler), nameof(options));
        ArgumentRules.RequireValues(options.StopStrings, nameof(GenerationOptions.StopStrings), nameof(options));
        cancellation.ThrowIfCancellationRequested();
        var generator = new Generator(model, Tokenizer);
        Action<GeneratedToken>? report = onText is null ? null : token => onText(token.Text);
        var result = generator.Run(generator.Encode(prompt), options, report, cancellation);
        return result.StopReason == StopReason.Interrupted ? throw new OperationCanceledException(cancellation) : result.Text;
    }

    /// <summary>Measures how well the model predicts a text, over non-overlapping windows.</summary>
    /// <param name="text">At least two tokens.</param>
    /// <param name="windowLength">In tokens; by default the longest input of the model, at most 2,048.</param>
    /// <param name="cancellation">Stops the measurement.</param>
    /// <exception cref="InvalidInputException">The text is too short, or the window empty or too long.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public PerplexityResult Score(string text, int? windowLength = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(Tokenizer.IdsBefore);
        Tokenizer.EncodeOrdinary(text, ids);
        var bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        return Perplexity.Measure(model, [.. ids], bytes, Windows(windowLength), cancellation);
    }

    /// <summary>Measures perplexity on the held-out text of <see cref="TokenData"/> or <c>bam data build</c>.</summary>
    /// <param name="data">The directories.</param>
    /// <param name="windowLength">In tokens; by default the longest input of the model, at most 2,048.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancellation">Stops the measurement.</param>
    /// <returns>The results by the names of the domains.</returns>
    /// <exception cref="InvalidInputException">
    /// Data are missing, damaged or of another vocabulary, or the window is empty or too long.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyDictionary<string, PerplexityResult> Evaluate(
        IReadOnlyList<string> data,
        int? windowLength = null,
        IReporter? reporter = null,
        CancellationToken cancellation = default)
    {
        ArgumentRules.RequireTexts(data, nameof(data), nameof(data));
        using var heldOut = HeldOutDomains.Open(data);
        return heldOut.Measure(model, Windows(windowLength), "evaluate", reporter ?? SilentReporter.Instance, cancellation);
    }

    /// <summary>Frees the model's memory.</summary>
    public void Dispose() => model.Dispose();

    private PerplexityOptions Windows(int? length) =>
        new() { WindowLength = length ?? Math.Min(Config.LongestInput, MaxDefaultWindow) };

    private static Device DeviceOf(string device)
    {
        try
        {
            return Device.Parse(device);
        }
        catch (FormatException e)
        {
            throw new InvalidInputException(e.Message, e);
        }
    }
}
