using Bam.Files;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Training;

/// <summary>What to train.</summary>
internal sealed record BpeTrainerOptions
{
    /// <summary>The ids to hand out, special tokens and the 256 bytes among them.</summary>
    public required int VocabSize { get; init; }

    /// <summary>They get the ids from 0 on, in this order.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    /// <summary>How text is cut into words.</summary>
    public TokenizerStyle Style { get; init; } = TokenizerStyle.Gpt2;

    /// <summary>A pair of tokens that occurs less often is not merged.</summary>
    public int MinFrequency { get; init; } = 2;

    /// <summary>How many threads count words; the result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>How text is cut into words before merging: the habits of four families of models.</summary>
internal enum TokenizerStyle
{
    /// <summary>GPT-2's words. Every text decodes to itself.</summary>
    Gpt2,

    /// <summary>Llama 3's words: numbers of up to three digits. Every text decodes to itself.</summary>
    Llama3,

    /// <summary>Cohere's, the family of BAM's own models: NFC, each digit for itself, then GPT-2's words.</summary>
    Cohere,

    /// <summary>GPT-NeoX's, with a space in front of every text: NFC, then GPT-2's words.</summary>
    GptNeoX,
}

/// <summary>How far training has come.</summary>
/// <param name="Characters">UTF-16 units of text whose words are counted.</param>
/// <param name="Tokens">The size of the vocabulary so far; 0 while words are counted.</param>
/// <param name="VocabSize">The size of the vocabulary wanted.</param>
internal sealed record BpeTrainerProgress(long Characters, int Tokens, int VocabSize);

/// <summary>
/// Trains byte-level BPE (Sennrich, Haddow and Birch 2016; over bytes as in GPT-2): starting from the 256 bytes, the most
/// frequent pair of neighbouring tokens becomes a token, again and again. Ties go to the pair of smaller ids; the result
/// depends on documents and options alone, neither on the documents' order nor on threads.
/// </summary>
internal static class BpeTrainer
{
    private const int Bytes = 256;

    private static readonly string[] WeightEndings = [".safetensors", ".gguf", ".pt", ".pth"];

    /// <summary>Trains a tokenizer whose tokenizer.json Hugging Face's tokenizers read as well.</summary>
    /// <param name="documents">The corpus; read once. Special tokens are not looked for in it.</param>
    /// <param name="options">What to train.</param>
    /// <param name="progress">Told now and then, from any thread.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>A tokenizer of the wanted size, or a smaller one when no pair occurs often enough any more.</returns>
    /// <exception cref="InvalidInputException">The options contradict themselves, or there is no text.</exception>
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

    /// <summary>Refuses a place to save a tokenizer in, before it is made.</summary>
    /// <param name="path">The file, or a directory that gets one.</param>
    /// <param name="inputs">Files and directories that are read meanwhile.</param>
    /// <exception cref="InvalidInputException">
    /// It is no file, is an input or lies in one, or is a file that was not trained here or that belongs to a model.
    /// </exception>
    public static void CheckOutput(string path, IEnumerable<string> inputs)
    {
        const string replaced = "a tokenizer.json that 'bam tokenizer train' wrote";
        if (Path.EndsInDirectorySeparator(path)) OutputPath.RequireKind(Path.TrimEndingDirectorySeparator(path), FileKind.Directory);
        var file = Tokenizer.FileIn(path);
        OutputPath.RequireFile(file, replaced, TrainedTokenizerJson.IsOne, inputs);
        if (FileStatus.Of(file) is not null && ModelFileBeside(file) is { } other)
            throw new InvalidInputException(file, $"a new file, or {replaced}", $"one beside {other}, which belongs to that model", "choose another name");
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

            if (id < options.SpecialTokens.Count) continue; // text that looks like a special token stays in parts
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
        // A single letter could be that of a byte.
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
            .SelectMany(path => Directory.EnumerateFiles(Path.GetDirectoryName(path)!, "*", new EnumerationOptions { AttributesToSkip = 0 }))
            .Where(path => Path.GetFileName(path) == "config.json" || WeightEndings.Contains(Path.GetExtension(path)))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
}
