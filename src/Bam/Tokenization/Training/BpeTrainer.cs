using Bam.Files;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Training;

internal sealed record BpeTrainerOptions
{
    /// <summary>Vocabulary size, including special tokens and the 256 bytes.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Their ids start at 0, in this order.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    public TokenizerStyle Style { get; init; } = TokenizerStyle.Gpt2;

    /// <summary>Pairs that occur less often are not merged.</summary>
    public int MinFrequency { get; init; } = 2;

    /// <summary>Threads for counting words; the result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>Pre-tokenization of four model families.</summary>
internal enum TokenizerStyle
{
    /// <summary>GPT-2's words. Lossless.</summary>
    Gpt2,

    /// <summary>Llama 3's words: numbers of up to three digits. Lossless.</summary>
    Llama3,

    /// <summary>Cohere's, the family of BAM's own models: NFC, individual digits, then GPT-2's words.</summary>
    Cohere,

    /// <summary>GPT-NeoX's, with a space before every text: NFC, then GPT-2's words.</summary>
    GptNeoX,
}

/// <summary>Progress of training.</summary>
/// <param name="Characters">UTF-16 units of text processed.</param>
/// <param name="Tokens">Current vocabulary size; 0 while words are counted.</param>
/// <param name="VocabSize">Requested vocabulary size.</param>
internal sealed record BpeTrainerProgress(long Characters, int Tokens, int VocabSize);

/// <summary>
/// Trains byte-level BPE (Sennrich, Haddow and Birch 2016; over bytes as in GPT-2): starting from the 256 bytes, the most
/// frequent pair of adjacent tokens is merged repeatedly. Ties go to the pair with smaller ids; the result does not depend on the
/// order of documents or on threads.
/// </summary>
internal static class BpeTrainer
{
    private const int Bytes = 256;

    private static readonly string[] WeightEndings = [".safetensors", ".gguf", ".pt", ".pth"];

    /// <summary>
    /// Trains a tokenizer that Hugging Face's tokenizers can load. Documents are read once; special tokens in them are ordinary
    /// text.
    /// </summary>
    /// <returns>A tokenizer of the requested size, or smaller if no pair is frequent enough.</returns>
    /// <exception cref="InvalidInputException">The options are inconsistent, or there is no text.</exception>
    public static Tokenizer Train(
        IEnumerable<string> documents,
        BpeTrainerOptions options,
        IProgress<BpeTrainerProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        Validate(options);
        List<string> tokens = [.. options.SpecialTokens, .. ByteAlphabet.Ordered.Select(letter => letter.ToString())];
        var pipeline = Build(options, tokens, []);
        var characters = 0L;
        var words = WordCounter.Count(pipeline, documents, options.Threads, Counted, cancellation);
        if (words.Count == 0) throw new InvalidInputException("the tokenizer's corpus", "text", "none", "give other documents");
        var merges = Merge(words, tokens, options, Merged, cancellation);
        return Build(options, tokens, merges);

        void Counted(long done) => progress?.Report(new(characters = done, 0, options.VocabSize));
        void Merged() => progress?.Report(new(characters, tokens.Count, options.VocabSize));
    }

    /// <summary>Checks the output path before training.</summary>
    /// <exception cref="InvalidInputException">
    /// It is not a file, is an input or lies in one, was not trained by Bam, or belongs to a model.
    /// </exception>
    public static void CheckOutput(string path, IEnumerable<string> inputs)
    {
        const string replaced = "a tokenizer.json that 'bam tokenizer train' wrote";
        if (Path.EndsInDirectorySeparator(path))
            OutputPath.RequireKind(Path.TrimEndingDirectorySeparator(path), FileKind.Directory);
        var file = Tokenizer.FileIn(path);
        OutputPath.RequireFile(file, replaced, TrainedTokenizerJson.IsOne, inputs);
        if (FileStatus.Of(file) is not null && ModelFileBeside(file) is { } other)
            throw new InvalidInputException(
                file, $"a new file, or {replaced}", $"one beside {other}, which belongs to that model", "choose another name");
    }

    private static List<(int First, int Second)> Merge(
        WordCounts words, List<string> tokens, BpeTrainerOptions options, Action merged, CancellationToken cancellation)
    {
        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(t => t.token, t => t.id);
        var byteIds = new int[Bytes];
        for (var value = 0; value < Bytes; value++) byteIds[value] = ids[ByteAlphabet.LetterOf((byte)value).ToString()];
        var merger = new PairMerger(words, byteIds);
        var merges = new List<(int First, int Second)>();
        while (tokens.Count < options.VocabSize && merger.TryTake(options.MinFrequency, out var first, out var second))
        {
            cancellation.ThrowIfCancellationRequested();
            var token = tokens[first] + tokens[second];
            if (!ids.TryGetValue(token, out var id))
            {
                id = tokens.Count;
                ids.Add(token, id);
                tokens.Add(token);
            }

            if (id < options.SpecialTokens.Count) continue; // text equal to a special token is not merged
            merger.Merge(first, second, id);
            merges.Add((first, second));
            merged();
        }

        return merges;
    }

    private static Tokenizer Build(
        BpeTrainerOptions options, IReadOnlyList<string> tokens, IReadOnlyList<(int First, int Second)> merges) =>
        Tokenizer.Parse(TrainedTokenizerJson.Write(options, tokens, merges), "the trained tokenizer");

    private static void Validate(BpeTrainerOptions options)
    {
        var atLeast = options.SpecialTokens.Count + Bytes;
        if (options.VocabSize < atLeast)
        {
            throw new InvalidInputException(
                "the tokenizer's vocabulary size", $"at least {atLeast} (special tokens and {Bytes} bytes)",
                $"{options.VocabSize}", "ask for more");
        }

        var seen = new HashSet<string>();
        // A single character could represent a byte.
        if (options.SpecialTokens.FirstOrDefault(token => token.Length < 2 || !seen.Add(token)) is { } wrong)
        {
            throw new InvalidInputException(
                "the tokenizer's special tokens", "distinct texts of at least two characters", $"\"{wrong}\"", "choose others");
        }

        if (options.MinFrequency < 1)
        {
            throw new InvalidInputException(
                "the tokenizer's minimum frequency", "at least 1", $"{options.MinFrequency}", "raise it");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1, nameof(options));
    }

    private static string? ModelFileBeside(string file) =>
        new[] { Path.GetFullPath(file), RealPath.Of(file) }
            .SelectMany(path => Directory.EnumerateFiles(
                Path.GetDirectoryName(path)!, "*", new EnumerationOptions { AttributesToSkip = 0 }))
            .Where(path => Path.GetFileName(path) == "config.json" || WeightEndings.Contains(Path.GetExtension(path)))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
}
