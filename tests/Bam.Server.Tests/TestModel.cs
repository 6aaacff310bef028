using System.Text;
using System.Text.Json;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Server.Tests;

/// <summary>
/// A mixture with random weights and a tokenizer of 160 ids: the printable letters, tokens that end in the
/// middle of "é" or begin there, some words, and an end of text. Its chat templates are a usual one and "loud".
/// </summary>
internal sealed class TestModel : IDisposable
{
    public const string Name = "mixture";
    public const int Context = 128;
    public const string EndOfText = "<|endoftext|>";
    public const int EndOfTextId = 159;

    private const int Letters = 95;
    private const int Halves = 25;

    private readonly string root = System.IO.Directory.CreateTempSubdirectory("bam-test-").FullName;

    // Of a shape whose products are the same in any company: heads of 16.
    private static readonly ModelConfig Mixture = new()
    {
        VocabSize = 160,
        HiddenSize = 32,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 16,
        MaxPositionEmbeddings = Context,
        NumAttentionExperts = 4,
        NumLocalExperts = 4,
    };

    public TestModel(bool hasChatTemplate = true)
    {
        LibTorch.Load();
        Directory = Path.Combine(root, Name);
        System.IO.Directory.CreateDirectory(Directory);
        File.WriteAllText(Path.Combine(Directory, "tokenizer.json"), TokenizerJson());
        File.WriteAllText(
            Path.Combine(Directory, "upcycling.json"), """{"seed": "/m/seed", "experts": ["/m/code", "/m/math", "/m/law"]}""");
        if (hasChatTemplate) WriteTemplates();
        Tokenizer = Tokenizer.Load(Directory);
        Model = new LanguageModel(Mixture, Device.Cpu, withGradients: false);
        ModelInitializer.Initialize(Model, seed: 1);
    }

    public string Directory { get; }

    public Tokenizer Tokenizer { get; }

    public LanguageModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        System.IO.Directory.Delete(root, recursive: true);
    }

    private void WriteTemplates()
    {
        const string template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
            + "{% if add_generation_prompt %}assistant: {% endif %}";
        File.WriteAllText(Path.Combine(Directory, "chat_template.jinja"), template.Replace("\n", "; "));
        var more = Path.Combine(Directory, "additional_chat_templates");
        System.IO.Directory.CreateDirectory(more);
        File.WriteAllText(
            Path.Combine(more, "loud.jinja"),
            "{% for m in messages %}{{ m.content | upper }}{% if m.role == 'system' %}{{ raise_exception('quiet') }}{% endif %}"
                + "{% endfor %}!");
    }

    private static string TokenizerJson()
    {
        // As byte-level tokenizers write bytes: Ġ is a space, Ã the first byte of é, © its second.
        var tokens = Enumerable.Range(0, Letters).Select(i => i == 0 ? "Ġ" : ((char)(' ' + i)).ToString()).ToList();
        tokens.AddRange(["Ã", "©"]);
        tokens.AddRange(Enumerable.Range(0, Halves).Select(i => $"{(char)('a' + i)}Ã"));
        tokens.AddRange(Enumerable.Range(0, Halves).Select(i => $"©{(char)('a' + i)}"));
        while (tokens.Count < EndOfTextId) tokens.Add($"word{tokens.Count}");
        var vocabulary = new StringBuilder();
        foreach (var (id, token) in tokens.Index())
            vocabulary.Append(id > 0 ? ", " : "").Append(JsonSerializer.Serialize(token)).Append(": ").Append(id);
        return $$$"""
            {"model": {"type": "BPE", "unk_token": "?", "vocab": {{{{vocabulary}}}}, "merges": []},
            "added_tokens": [{"id": {{{EndOfTextId}}}, "content": "{{{EndOfText}}}", "special": true, "normalized": false,
              "lstrip": false, "rstrip": false, "single_word": false}],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
            """;
    }
}
