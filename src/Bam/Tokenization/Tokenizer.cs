using System.Collections.Concurrent;
using System.Text.Json;
using Bam.Files;
using Bam.Tokenization.Json;
using Bam.Tokenization.Models;
using Bam.Tokenization.Pipeline;

namespace Bam.Tokenization;

/// <summary>
/// Encodes text to token ids and decodes them, with the same results as Hugging Face's tokenizers 0.23 for the same
/// tokenizer.json. Supports byte-level BPE (GPT-2, GPT-NeoX, Llama 3, Qwen, Cohere …), which is lossless without a normalizer or
/// prefix space, and character-level BPE with byte fallback (Llama 2, Mistral, Gemma …). Unsupported settings are rejected,
/// except truncation and padding, which are ignored. Immutable and thread-safe.
/// </summary>
/// <remarks>An unpaired surrogate is encoded as U+FFFD. Offsets in the text are not returned.</remarks>
public sealed class Tokenizer
{
    internal const string FileName = "tokenizer.json";

    // Tokenizer files of other libraries.
    private static readonly string[] OtherLibraryFiles = ["tokenizer.model", "vocab.json", "vocab.txt"];

    // In order of preference.
    internal static readonly IReadOnlyList<string> EndOfTextNames =
    [
        "<|endoftext|>", "<|end_of_text|>", "<|END_OF_TURN_TOKEN|>", "<EOS_TOKEN>", "<｜end▁of▁sentence｜>", "<eos>", "</s>",
        "<|eot_id|>", "<|im_end|>",
    ];

    private readonly ReadOnlyMemory<byte> json;
    private readonly PreTokenizer preTokenizer;
    private readonly TokenDecoder decoder;
    private readonly AddedTokenMatcher? rawMatcher; // applied before normalization
    private readonly AddedTokenMatcher? normalizedMatcher; // applied after normalization
    private readonly Dictionary<string, AddedToken> addedTokens;
    private readonly string?[] tokens; // by id; null in gaps
    private readonly HashSet<int> specialIds;
    private readonly HashSet<int> addedIds;
    private readonly Normalizer? continuingNormalizer; // of text that continues other text
    private readonly Lazy<string> fingerprint;
    private readonly Lazy<string> writtenFingerprint; // of the file as written
    private readonly ConcurrentBag<EncodingScratch> scratches = [];

    private Tokenizer(ReadOnlyMemory<byte> json, JsonField root)
    {
        this.json = json;
        var (version, _, _, _) = (root["version"], root["truncation"], root["padding"], root["role_to_token"]);
        var (added, normalizer, splitting) = (root["added_tokens"], root["normalizer"], root["pre_tokenizer"]);
        var (template, decoding, model) = (root["post_processor"], root["decoder"], root.Last("model"));
        if (version.TextOrNull() is not (null or "1.0")) throw version.Unexpected("1.0", "Bam knows no other version");
        Normalizer = NormalizerReader.Read(normalizer);
        PreTokenizers = PreTokenizerReader.Read(splitting, Normalizer);
        var isByteLevel = PreTokenizers is [.., ByteLevel];
        preTokenizer = new PreTokenizerSequence(PreTokenizers);
        Model = ModelReader.Read(model, isByteLevel);
        var vocabulary = Model.Vocabulary;
        AddedTokens = AddedTokensReader.Read(added, vocabulary);
        addedTokens = AddedTokens.ToDictionary(t => t.Content);
        addedIds = [.. AddedTokens.Select(t => t.Id)];
        continuingNormalizer = Normalizer?.Continuing;
        specialIds = [.. AddedTokens.Where(t => t.Special).Select(t => t.Id)];
        decoder = DecoderReader.Read(decoding, isByteLevel);
        rawMatcher = MatcherOf(AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        normalizedMatcher = MatcherOf(AddedTokens.Where(t => t.Normalized).Select(t => (Normalize(t.Content), t)));
        tokens = new string?[Math.Max(vocabulary.MaxId, AddedTokens.Max(t => (int?)t.Id) ?? -1) + 1];
        foreach (var (token, id) in vocabulary.Tokens) tokens[id] = token;
        foreach (var token in AddedTokens) tokens[token.Id] = token.Content;
        (IdsBefore, IdsAfter) = PostProcessorReader.Read(template, id => id < tokens.Length && tokens[id] is not null);
        EndOfTextId = EndOfTextNames
            .Select(name => addedTokens.GetValueOrDefault(name))
            .FirstOrDefault(token => token is { Special: true })?.Id;
        fingerprint = FingerprintOf(TokenizerFingerprint.Components);
        writtenFingerprint = FingerprintOf(TokenizerFingerprint.AsWritten);
    }

    /// <summary>The largest id plus one: the number of rows that a model's embedding needs. Ids may have gaps.</summary>
    public int VocabSize => tokens.Length;

    /// <summary>The end-of-text token: the first special token of <see cref="EndOfTextNames"/>; null if there is none.</summary>
    public int? EndOfTextId { get; }

    /// <summary>The tokens that are matched in the text before the model is applied, by id.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>
    /// SHA-256 in hexadecimal over tokens, merges, added tokens and components: equal for tokenizers that give the same ids. It
    /// does not depend on the file's layout, the library version or the decoder.
    /// </summary>
    internal string Fingerprint => fingerprint.Value;

    internal Normalizer? Normalizer { get; }

    internal IReadOnlyList<PreTokenizer> PreTokenizers { get; }

    internal BpeModel Model { get; }

    /// <summary>The template's ids before a text.</summary>
    internal IReadOnlyList<int> IdsBefore { get; }

    /// <summary>The template's ids after a text.</summary>
    internal IReadOnlyList<int> IdsAfter { get; }

    // The file is parsed again: what it was parsed to is several times as large, and most commands need no fingerprint.
    private Lazy<string> FingerprintOf(Func<JsonElement, string> components) => new(() => TokenizerFingerprint.Of(
        Model, AddedTokens, components(JsonElement.Parse(Utf8Bytes.WithoutMark(json.Span)))));

    /// <summary>Loads a tokenizer.json, or that of a checkpoint directory.</summary>
    /// <exception cref="InvalidInputException">The file is missing, invalid or not supported.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = FileIn(path);
        if (!Path.Exists(file))
            throw new InvalidInputException(
                file, "a tokenizer.json of Hugging Face's tokenizers", "no such file", HintFor(Path.GetDirectoryName(file)!));
        return Parse(InputFile.ReadAllBytes(file, "check the path"), file);
    }

    /// <summary>
    /// Loads a tokenizer.json from memory, which the tokenizer keeps. Messages name it <paramref name="where"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">It is invalid or not supported.</exception>
    internal static Tokenizer Parse(ReadOnlyMemory<byte> utf8Json, string where) =>
        new(utf8Json, new JsonField(JsonInput.Parse(utf8Json.Span, where, "restore the file from its source"), where));

    /// <summary>
    /// Encodes a text; added tokens are matched. If <paramref name="addSpecialTokens"/>, the template's tokens are added around
    /// it.
    /// </summary>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 4);
        Encode(text, ids, addSpecialTokens);
        return [.. ids];
    }

    /// <summary>Encodes a text and appends its ids.</summary>
    internal void Encode(ReadOnlySpan<char> text, List<int> ids, bool addSpecialTokens = true)
    {
        if (addSpecialTokens) ids.AddRange(IdsBefore);
        EncodeCore(text, ids, ordinary: false);
        if (addSpecialTokens) ids.AddRange(IdsAfter);
    }

    /// <summary>
    /// Encodes a text with special tokens as ordinary text, so that a document that contains &lt;|endoftext|&gt; does not end
    /// there. For corpora and user input. The template is not applied.
    /// </summary>
    internal void EncodeOrdinary(ReadOnlySpan<char> text, List<int> ids) => EncodeCore(text, ids, ordinary: true);

    /// <summary>
    /// Encodes a part of a longer text with special tokens and without the post-processor. If it <paramref name="continues"/>
    /// ordinary text, nothing is put before it, such as the space that some tokenizers begin a text with.
    /// </summary>
    internal void EncodeContinuing(ReadOnlySpan<char> text, List<int> ids, bool continues) =>
        EncodeCore(text, ids, ordinary: false, isFirst: ids.Count == 0, continues);

    /// <summary>Decodes ids; invalid UTF-8 becomes U+FFFD. Ids without a token (padding) are skipped.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var decoding = decoder.Start();
        foreach (var id in ids)
        {
            if (!skipSpecialTokens || !specialIds.Contains(id)) decoding.Append(IdToToken(id));
        }

        decoding.Finish();
        return decoding.Take();
    }

    /// <summary>The bytes of an id inside a text, possibly a part of a UTF-8 sequence; empty for an id without a token.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id) => IdToToken(id) is { } token ? decoder.BytesOf(token) : default;

    /// <summary>True if a recorded fingerprint matches, also one of an older version of Bam.</summary>
    internal bool HasFingerprint(string recorded) => recorded == Fingerprint || recorded == writtenFingerprint.Value;

    /// <summary>True for the id of an added token, which is matched before the model is applied.</summary>
    internal bool IsAdded(int id) => addedIds.Contains(id);

    /// <summary>True for the id of a special token.</summary>
    public bool IsSpecial(int id) => specialIds.Contains(id);

    /// <summary>The id of a token as written in the vocabulary (Ġ or ▁ for a space), or null.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (addedTokens.TryGetValue(token, out var added)) return added.Id;
        return Model.Vocabulary.IdOf(token) is var id and >= 0 ? id : null;
    }

    /// <summary>The token of an id as written in the vocabulary (Ġ or ▁ for a space), or null.</summary>
    public string? IdToToken(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    /// <summary>
    /// Rejects a model with too few embedding rows for the vocabulary. Added tokens without a row are only warned of, since few
    /// texts contain them; the warning ends with <paramref name="consequence"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">The vocabulary without added tokens has more ids.</exception>
    internal void RequireFits(
        int modelVocabSize, string where, IReporter reporter, string consequence = "text that holds such a token is refused")
    {
        if (modelVocabSize >= VocabSize) return;
        if (Model.Vocabulary.MaxId >= modelVocabSize)
        {
            throw new InvalidInputException(
                where, $"a vocab_size of at least {VocabSize}, the tokenizer's", $"{modelVocabSize}",
                "use the tokenizer that the model was trained with");
        }

        var missing = AddedTokens.Where(token => token.Id >= modelVocabSize).Select(token => (token.Id, token.Content)).ToList();
        reporter.Warn($"{where}: {MissingRows.Describe(missing, modelVocabSize)}; {consequence}");
    }

    /// <summary>Rejects a text with a token that has no row in a model's embedding.</summary>
    /// <exception cref="InvalidInputException">There is one.</exception>
    internal void RequireRows(ReadOnlySpan<int> ids, int modelVocabSize, string where)
    {
        foreach (var id in ids)
        {
            if (id < modelVocabSize) continue;
            throw new InvalidInputException(
                where, $"tokens that the model has a row for (vocab_size {modelVocabSize})", $"{IdToToken(id)} (id {id})",
                "take it out of the text");
        }
    }

    /// <summary>
    /// Writes the tokenizer.json unchanged, to a file or into a directory (an existing one, or a path that ends with a slash).
    /// </summary>
    /// <exception cref="WorkFailedException">It cannot be written.</exception>
    internal void Save(string path) => AtomicFile.Write(FileIn(path), stream => stream.Write(json.Span));

    /// <summary>
    /// Starts incremental decoding. If the text <paramref name="continues"/> another one, a leading space is kept.
    /// </summary>
    internal TextDecoding StartDecoding(bool continues) => decoder.Start(continues);

    /// <summary>
    /// Normalizes a document and splits it into words, for training; added tokens are not matched. A text that
    /// <paramref name="continues"/> another one gets no prefix space.
    /// </summary>
    internal PreTokenization PreTokenize(ReadOnlySpan<char> text, bool continues, PieceList pieces, PieceList spare)
    {
        var state = new PreTokenization(Normalizer is null ? text : Normalizer.Normalize(text), pieces, spare, continues);
        preTokenizer.Apply(ref state);
        return state;
    }

    // A path that ends with a slash is a directory, even if it does not exist.
    internal static string FileIn(string path) =>
        Directory.Exists(path) || Path.EndsInDirectorySeparator(path) ? Path.Combine(path, FileName) : path;

    private static string HintFor(string directory) =>
        OtherLibraryFiles.FirstOrDefault(name => File.Exists(Path.Combine(directory, name))) is { } other
            ? $"Bam does not read {other}; "
                + "transformers' AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) makes a tokenizer.json of it"
            : "check the path";

    private static AddedTokenMatcher? MatcherOf(IEnumerable<(string Pattern, AddedToken Token)> patterns)
    {
        var kept = patterns.Where(p => p.Pattern.Length > 0).ToArray();
        return kept.Length == 0 ? null : new AddedTokenMatcher(kept);
    }

    private string Normalize(string text) => Normalizer is null ? text : Normalizer.Normalize(text).ToString();

    private void EncodeCore(
        ReadOnlySpan<char> text, List<int> ids, bool ordinary, bool isFirst = true, bool continues = false)
    {
        if (!scratches.TryTake(out var scratch)) scratch = new EncodingScratch();
        if (rawMatcher is null)
        {
            EncodeStretch(text, isFirst, continues, ids, ordinary, scratch);
        }
        else
        {
            scratch.RawCuts.Clear();
            rawMatcher.Cut(text, ordinary, scratch.RawCuts);
            foreach (var (start, end, id) in scratch.RawCuts)
            {
                if (id >= 0)
                    ids.Add(id);
                else
                    EncodeStretch(text[start..end], isFirst && start == 0, continues && start == 0, ids, ordinary, scratch);
            }
        }

        scratches.Add(scratch);
    }

    // Encodes text without the added tokens that are matched before normalization.
    private void EncodeStretch(
        ReadOnlySpan<char> text, bool isFirst, bool continues, List<int> ids, bool ordinary, EncodingScratch scratch)
    {
        var normalizer = continues ? continuingNormalizer : Normalizer;
        if (normalizer is not null) text = normalizer.Normalize(text);
        if (normalizedMatcher is null)
        {
            EncodeText(text, isFirst, continues, ids, scratch);
            return;
        }

        scratch.NormalizedCuts.Clear();
        normalizedMatcher.Cut(text, ordinary, scratch.NormalizedCuts);
        foreach (var (start, end, id) in scratch.NormalizedCuts)
        {
            if (id >= 0)
                ids.Add(id);
            else
                EncodeText(text[start..end], isFirst && start == 0, continues && start == 0, ids, scratch);
        }
    }

    private void EncodeText(ReadOnlySpan<char> text, bool isFirst, bool continues, List<int> ids, EncodingScratch scratch)
    {
        var state = new PreTokenization(text, scratch.Pieces, scratch.SparePieces, continues, isFirst);
        preTokenizer.Apply(ref state);
        foreach (var piece in state.Pieces.Items) Model.Encode(state.Text.Slice(piece.Start, piece.Length), scratch.Words, ids);
    }
}

/// <summary>Buffers and cache of one call of Encode; reused by later calls but never shared.</summary>
internal sealed class EncodingScratch
{
    /// <summary>The ids of previous words.</summary>
    public WordCache Words { get; } = new();

    /// <summary>The text split at added tokens that are matched before normalization.</summary>
    public List<(int Start, int End, int Id)> RawCuts { get; } = [];

    /// <summary>A part of it, normalized and split at the other added tokens.</summary>
    public List<(int Start, int End, int Id)> NormalizedCuts { get; } = [];

    /// <summary>The pieces for the model.</summary>
    public PieceList Pieces { get; } = new();

    /// <summary>The second buffer of the pre-tokenizers.</summary>
    public PieceList SparePieces { get; } = new();
}

/// <summary>The tokens that a tokenizer's template puts before every text.</summary>
internal static class BeginTokens
{
    /// <summary>Describes ids in messages: "&lt;s&gt;" (id 1).</summary>
    public static string Describe(Tokenizer tokenizer, IEnumerable<int> ids) =>
        string.Join(" ", ids.Select(id => tokenizer.IdToToken(id) is { } token ? $"\"{token}\" (id {id})" : $"id {id}"));

    /// <summary>Warns if an encoded text begins with the begin tokens twice: from the template and from the text.</summary>
    public static void WarnIfTwice(Tokenizer tokenizer, ReadOnlySpan<int> ids, string what, IReporter reporter)
    {
        int[] begin = [.. tokenizer.IdsBefore];
        if (begin.Length == 0 || !ids.StartsWith(begin) || !ids[begin.Length..].StartsWith(begin)) return;
        reporter.Warn(
            $"{what} begins with {Describe(tokenizer, begin)}, which the tokenizer puts before every text, so that it is there "
                + "twice; take it out of the text, or give --no-special-tokens");
    }
}

/// <summary>Added tokens without a row in the model's embedding, after fine-tuning without resizing it.</summary>
internal static class MissingRows
{
    private const int MaxListed = 8;

    /// <summary>Describes at least one such token; <paramref name="rows"/> is the model's vocab_size.</summary>
    public static string Describe(IReadOnlyList<(int Id, string Content)> tokens, int rows)
    {
        var named = string.Join(", ", tokens.Take(MaxListed).Select(token => $"{token.Content} (id {token.Id})"));
        var more = tokens.Count > MaxListed ? $" and {tokens.Count - MaxListed} more" : "";
        return $"{named}{more} {(tokens.Count == 1 ? "has" : "have")} no row in the embedding (vocab_size {rows})";
    }
}
