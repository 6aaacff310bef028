using System.Collections.Concurrent;
using Bam.Files;
using Bam.Tokenization.Json;
using Bam.Tokenization.Models;
using Bam.Tokenization.Pipeline;

namespace Bam.Tokenization;

/// <summary>
/// Turns text into token ids and back, as Hugging Face's tokenizers 0.23 do with the same tokenizer.json. Byte-level BPE
/// (GPT-2, GPT-NeoX, Llama 3, Qwen, Cohere …), which without a normalizer or prefix space decodes every text to itself, and
/// BPE over characters with bytes for what has no token (Llama 2, Mistral, Gemma …). What a file asks for and Bam does not know is
/// refused by name, never ignored, but for truncation and padding, which are a caller's: no text is cut or padded. Immutable; all members may be called from many threads at once.
/// </summary>
/// <remarks>
/// Text is UTF-16; an unpaired surrogate is encoded as U+FFFD, as .NET's UTF-8 does. Positions in the text are not given.
/// </remarks>
internal sealed class Tokenizer
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "tokenizer.json";

    // What tokenizers of other libraries are stored in.
    private static readonly string[] OtherForms = ["tokenizer.model", "vocab.json", "vocab.txt"];

    // In order of preference: a model that has both ends a text by the first.
    internal static readonly IReadOnlyList<string> EndOfTextNames =
    [
        "<|endoftext|>", "<|end_of_text|>", "<|END_OF_TURN_TOKEN|>", "<EOS_TOKEN>", "<｜end▁of▁sentence｜>", "<eos>", "</s>",
        "<|eot_id|>", "<|im_end|>",
    ];

    private readonly ReadOnlyMemory<byte> json;
    private readonly PreTokenizer preTokenizer;
    private readonly TokenDecoder decoder;
    private readonly AddedTokenMatcher? rawMatcher; // looks before normalisation
    private readonly AddedTokenMatcher? normalizedMatcher; // looks after it
    private readonly Dictionary<string, AddedToken> addedTokens;
    private readonly string?[] tokens; // by id; null in gaps
    private readonly HashSet<int> specialIds;
    private readonly Lazy<string> fingerprint;
    private readonly Lazy<string> writtenFingerprint; // of the file's own spelling
    private readonly ConcurrentBag<EncodingScratch> scratches = [];

    private Tokenizer(ReadOnlyMemory<byte> json, JsonField root)
    {
        this.json = json;
        root.RequireKeys(
            "version", "truncation", "padding", "role_to_token", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
            "model");
        var version = root["version"];
        if (version.TextOrNull() is not (null or "1.0")) throw version.Unexpected("1.0", "Bam knows no other version");
        Normalizer = NormalizerReader.Read(root["normalizer"]);
        PreTokenizers = PreTokenizerReader.Read(root["pre_tokenizer"], Normalizer);
        var isByteLevel = PreTokenizers is [.., ByteLevel];
        preTokenizer = new PreTokenizerSequence(PreTokenizers);
        Model = ModelReader.Read(root["model"], isByteLevel);
        var vocabulary = Model.Vocabulary;
        AddedTokens = AddedTokensReader.Read(root["added_tokens"], vocabulary);
        addedTokens = AddedTokens.ToDictionary(t => t.Content);
        specialIds = [.. AddedTokens.Where(t => t.Special).Select(t => t.Id)];
        decoder = DecoderReader.Read(root["decoder"], isByteLevel);
        rawMatcher = MatcherOf(AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        normalizedMatcher = MatcherOf(AddedTokens.Where(t => t.Normalized).Select(t => (Normalize(t.Content), t)));
        tokens = new string?[Math.Max(vocabulary.MaxId, AddedTokens.Max(t => (int?)t.Id) ?? -1) + 1];
        foreach (var (token, id) in vocabulary.Tokens) tokens[id] = token;
        foreach (var token in AddedTokens) tokens[token.Id] = token.Content;
        (IdsBefore, IdsAfter) = PostProcessorReader.Read(root["post_processor"], id => id < tokens.Length && tokens[id] is not null);
        EndOfTextId = EndOfTextNames
            .Select(name => addedTokens.GetValueOrDefault(name))
            .FirstOrDefault(token => token is { Special: true })?.Id;
        var (components, asWritten) = (TokenizerFingerprint.Components(root.Element), TokenizerFingerprint.ComponentsAsWritten(root));
        fingerprint = new Lazy<string>(() => TokenizerFingerprint.Of(Model, AddedTokens, components));
        writtenFingerprint = new Lazy<string>(() => TokenizerFingerprint.Of(Model, AddedTokens, asWritten));
    }

    /// <summary>One more than the largest id: the rows that a model's embedding must have. Ids may have gaps.</summary>
    public int VocabSize => tokens.Length;

    /// <summary>
    /// The id that ends a document: of the special tokens the first of &lt;|endoftext|&gt;, &lt;|end_of_text|&gt;,
    /// &lt;|END_OF_TURN_TOKEN|&gt;, &lt;EOS_TOKEN&gt;, &lt;｜end▁of▁sentence｜&gt;, &lt;eos&gt;, &lt;/s&gt;, &lt;|eot_id|&gt;,
    /// &lt;|im_end|&gt;; null when there is none of them.
    /// </summary>
    public int? EndOfTextId { get; }

    /// <summary>The tokens that are recognised in the text before the model sees it, by id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>
    /// SHA-256, in hexadecimal, over tokens, merges, added tokens and components: equal for tokenizers that give the same ids. Layout and
    /// order of the file, the spelling of a version of the library and the decoder do not count.
    /// </summary>
    public string Fingerprint => fingerprint.Value;

    /// <summary>What happens to a text first; null for nothing.</summary>
    internal Normalizer? Normalizer { get; }

    /// <summary>How a text is then cut into words, one after the other.</summary>
    internal IReadOnlyList<PreTokenizer> PreTokenizers { get; }

    /// <summary>What makes tokens of words.</summary>
    internal BpeModel Model { get; }

    /// <summary>The template's ids in front of a text.</summary>
    internal IReadOnlyList<int> IdsBefore { get; }

    /// <summary>The template's ids behind a text.</summary>
    internal IReadOnlyList<int> IdsAfter { get; }

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">A tokenizer.json, or the directory of a checkpoint that has one.</param>
    /// <exception cref="InvalidInputException">There is no such file, or it is damaged, or of a kind that Bam does not read.</exception>
    public static Tokenizer Load(string path)
    {
        var file = FileIn(path);
        if (!Path.Exists(file))
            throw new InvalidInputException(file, "a tokenizer.json of Hugging Face's tokenizers", "no such file", HintFor(Path.GetDirectoryName(file)!));
        return Parse(InputFile.ReadAllBytes(file, "check the path"), file);
    }

    /// <summary>Reads a tokenizer from memory.</summary>
    /// <param name="utf8Json">The content of a tokenizer.json, which the tokenizer keeps.</param>
    /// <param name="where">What to call it in messages.</param>
    /// <exception cref="InvalidInputException">It is damaged, or of a kind that Bam does not read.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> utf8Json, string where) =>
        new(utf8Json, new JsonField(JsonInput.Parse(utf8Json.Span, where, "restore the file from its source"), where));

    /// <summary>The ids of a text.</summary>
    /// <param name="text">The text; added tokens are recognised in it.</param>
    /// <param name="addSpecialTokens">Whether the template's tokens (begin of text …) are put around it.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        Encode(text, ids, addSpecialTokens);
        return [.. ids];
    }

    /// <summary>Appends the ids of a text.</summary>
    /// <param name="text">The text; added tokens are recognised in it.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="addSpecialTokens">Whether the template's tokens (begin of text …) are put around it.</param>
    public void Encode(ReadOnlySpan<char> text, List<int> ids, bool addSpecialTokens = true)
    {
        if (addSpecialTokens) ids.AddRange(IdsBefore);
        EncodeCore(text, ids, ordinary: false);
        if (addSpecialTokens) ids.AddRange(IdsAfter);
    }

    /// <summary>
    /// Appends the ids of a text in which special tokens are taken for the text that they look like, so that a document which
    /// mentions &lt;|endoftext|&gt; does not end there. For corpora and for users' input. The template is not applied.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="ids">Receives the ids.</param>
    public void EncodeOrdinary(ReadOnlySpan<char> text, List<int> ids) => EncodeCore(text, ids, ordinary: true);

    /// <summary>The text of ids; bytes that are not UTF-8 become U+FFFD. Ids without a token (padding) add nothing.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
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

    /// <summary>
    /// The bytes that an id stands for inside a text, often only a part of a UTF-8 sequence; none for an id without a token.
    /// </summary>
    public ReadOnlySpan<byte> BytesOf(int id) => IdToToken(id) is { } token ? decoder.BytesOf(token) : default;

    /// <summary>Whether a recorded fingerprint is this tokenizer's, also one from before spelling was left out of account.</summary>
    public bool HasFingerprint(string recorded) => recorded == Fingerprint || recorded == writtenFingerprint.Value;

    /// <summary>Whether an id is a special token's, which is no text.</summary>
    public bool IsSpecial(int id) => specialIds.Contains(id);

    /// <summary>The id of a token as it is written in the vocabulary (Ġ or ▁ for a space); null when there is none.</summary>
    public int? TokenToId(string token) =>
        addedTokens.TryGetValue(token, out var added) ? added.Id : Model.Vocabulary.IdOf(token) is var id and >= 0 ? id : null;

    /// <summary>The token of an id as it is written in the vocabulary (Ġ or ▁ for a space); null when there is none.</summary>
    public string? IdToToken(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    /// <summary>
    /// Refuses a model whose embedding lacks rows for the vocabulary; spare rows are fine. Added tokens without a row are warned of: few
    /// texts hold them.
    /// </summary>
    /// <param name="modelVocabSize">The model's vocab_size.</param>
    /// <param name="where">The model, for the messages.</param>
    /// <param name="reporter">Told of added tokens without a row.</param>
    /// <param name="consequence">What becomes of them.</param>
    /// <exception cref="InvalidInputException">The vocabulary proper has more ids.</exception>
    public void RequireFits(int modelVocabSize, string where, IReporter reporter, string consequence = "text that holds such a token is refused")
    {
        ArgumentNullException.ThrowIfNull(reporter);
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

    /// <summary>Refuses a text with a token that a model has no row for.</summary>
    /// <param name="ids">The text.</param>
    /// <param name="modelVocabSize">The model's vocab_size.</param>
    /// <param name="where">The text, for the message.</param>
    /// <exception cref="InvalidInputException">It holds one.</exception>
    public void RequireRows(ReadOnlySpan<int> ids, int modelVocabSize, string where)
    {
        foreach (var id in ids)
        {
            if (id < modelVocabSize) continue;
            throw new InvalidInputException(
                where, $"tokens that the model has a row for (vocab_size {modelVocabSize})", $"{IdToToken(id)} (id {id})", "take it out of the text");
        }
    }

    /// <summary>Writes the tokenizer.json, byte for byte as it was read or trained.</summary>
    /// <param name="path">The file, or a directory that gets one, which need not exist where the path ends with a slash.</param>
    /// <exception cref="WorkFailedException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(FileIn(path), stream => stream.Write(json.Span));

    /// <summary>Begins to decode a text that comes token by token.</summary>
    /// <param name="continues">It is the rest of a longer one, so that a space at its beginning stays.</param>
    internal TextDecoding StartDecoding(bool continues) => decoder.Start(continues);

    /// <summary>Normalises a document and cuts it into the words that training counts.</summary>
    /// <param name="text">The text; added tokens are not looked for.</param>
    /// <param name="continues">The text is the rest of a longer one, so that it gets no prefix space.</param>
    /// <param name="pieces">Scratch.</param>
    /// <param name="spare">Scratch.</param>
    internal PreTokenization PreTokenize(ReadOnlySpan<char> text, bool continues, PieceList pieces, PieceList spare)
    {
        var state = new PreTokenization(Normalizer is null ? text : Normalizer.Normalize(text), pieces, spare, continues);
        preTokenizer.Apply(ref state);
        return state;
    }

    // A path that ends with a slash is a directory, whether it exists or not.
    internal static string FileIn(string path) =>
        Directory.Exists(path) || Path.EndsInDirectorySeparator(path) ? Path.Combine(path, FileName) : path;

    private static string HintFor(string directory) =>
        OtherForms.FirstOrDefault(name => File.Exists(Path.Combine(directory, name))) is { } other
            ? $"Bam does not read {other}; transformers' AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) makes a tokenizer.json of it"
            : "check the path";

    private static AddedTokenMatcher? MatcherOf(IEnumerable<(string Pattern, AddedToken Token)> patterns)
    {
        var kept = patterns.Where(p => p.Pattern.Length > 0).ToArray();
        return kept.Length == 0 ? null : new AddedTokenMatcher(kept);
    }

    private string Normalize(string text) => Normalizer is null ? text : Normalizer.Normalize(text).ToString();

    private void EncodeCore(ReadOnlySpan<char> text, List<int> ids, bool ordinary)
    {
        if (!scratches.TryTake(out var scratch)) scratch = new EncodingScratch();
        if (rawMatcher is null)
        {
            EncodeStretch(text, isFirst: true, ids, ordinary, scratch);
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
                    EncodeStretch(text[start..end], isFirst: start == 0, ids, ordinary, scratch);
            }
        }

        scratches.Add(scratch);
    }

    // Text without those added tokens that are looked for before normalisation.
    private void EncodeStretch(ReadOnlySpan<char> text, bool isFirst, List<int> ids, bool ordinary, EncodingScratch scratch)
    {
        if (Normalizer is not null) text = Normalizer.Normalize(text);
        if (normalizedMatcher is null)
        {
            EncodeText(text, isFirst, ids, scratch);
            return;
        }

        scratch.NormalizedCuts.Clear();
        normalizedMatcher.Cut(text, ordinary, scratch.NormalizedCuts);
        foreach (var (start, end, id) in scratch.NormalizedCuts)
        {
            if (id >= 0)
                ids.Add(id);
            else
                EncodeText(text[start..end], isFirst && start == 0, ids, scratch);
        }
    }

    private void EncodeText(ReadOnlySpan<char> text, bool isFirst, List<int> ids, EncodingScratch scratch)
    {
        var state = new PreTokenization(text, scratch.Pieces, scratch.SparePieces, isFirst: isFirst);
        preTokenizer.Apply(ref state);
        foreach (var piece in state.Pieces.Items) Model.Encode(state.Text.Slice(piece.Start, piece.Length), scratch.Words, ids);
    }
}

/// <summary>What one call of Encode works with; handed from call to call, to keep the cache warm, but never shared.</summary>
internal sealed class EncodingScratch
{
    /// <summary>The ids of words seen before.</summary>
    public WordCache Words { get; } = new();

    /// <summary>The text cut at the added tokens that are looked for before normalisation.</summary>
    public List<(int Start, int End, int Id)> RawCuts { get; } = [];

    /// <summary>A stretch of it, normalised and cut at the other added tokens.</summary>
    public List<(int Start, int End, int Id)> NormalizedCuts { get; } = [];

    /// <summary>The pieces for the model.</summary>
    public PieceList Pieces { get; } = new();

    /// <summary>The pre-tokenizers' second list.</summary>
    public PieceList SparePieces { get; } = new();
}

/// <summary>The tokens that a tokenizer's template puts before every text.</summary>
internal static class BeginTokens
{
    /// <summary>Their ids; often one, or none.</summary>
    public static IReadOnlyList<int> Of(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return tokenizer.IdsBefore;
    }

    /// <summary>Ids as a person knows them: "&lt;s&gt;" (id 1).</summary>
    public static string Describe(Tokenizer tokenizer, IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return string.Join(" ", ids.Select(id => tokenizer.IdToToken(id) is { } token ? $"\"{token}\" (id {id})" : $"id {id}"));
    }

    /// <summary>Warns of a text that begins with the tokens that the template added as well.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="ids">The text's ids, with those of the template.</param>
    /// <param name="what">What messages call the text.</param>
    /// <param name="reporter">Is told.</param>
    public static void WarnIfTwice(Tokenizer tokenizer, ReadOnlySpan<int> ids, string what, IReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(reporter);
        int[] begin = [.. Of(tokenizer)];
        if (begin.Length == 0 || !ids.StartsWith(begin) || !ids[begin.Length..].StartsWith(begin)) return;
        reporter.Warn(
            $"{what} begins with {Describe(tokenizer, begin)}, which the tokenizer puts before every text, so that it is there twice; take it out of the text, or give --no-special-tokens");
    }
}

/// <summary>Added tokens whose ids are beyond the last row of a model's embedding: a fine-tune added them and did not resize the model.</summary>
internal static class MissingRows
{
    private const int Shown = 8;

    /// <summary>What messages say of them.</summary>
    /// <param name="tokens">At least one.</param>
    /// <param name="rows">The model's vocab_size.</param>
    public static string Describe(IReadOnlyList<(int Id, string Content)> tokens, int rows)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var named = string.Join(", ", tokens.Take(Shown).Select(token => $"{token.Content} (id {token.Id})"));
        return $"{named}{(tokens.Count > Shown ? $" and {tokens.Count - Shown} more" : "")} {(tokens.Count == 1 ? "has" : "have")} no row in the embedding (vocab_size {rows})";
    }
}
