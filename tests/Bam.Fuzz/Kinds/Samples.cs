using System.Text;
using System.Text.Json;

namespace Bam.Fuzz.Kinds;

/// <summary>Valid inputs, small ones, from which mutants are made.</summary>
internal static class Samples
{
    private static readonly string[] Words =
    [
        "whereas ", "party ", "shall ", "court ", "if (", "x ", "== ", "y) ", "the ", "dog ", "sees ",
        "Straße ", "漢字 ", "é ", "😀 ", "12,5 ", "\t", "\n",
    ];

    /// <summary>The checkpoints of the fixtures: every family that Bam reads.</summary>
    public static IReadOnlyList<string> Models { get; } =
    [
        .. new[] { "hf", "hf-more", "bam" }
            .SelectMany(group => Directory.GetDirectories(Path.Combine(Workspace.Fixtures, group)))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The tokenizers of the fixtures.</summary>
    public static IReadOnlyList<string> Tokenizers { get; } =
        [.. Directory.GetDirectories(Path.Combine(Workspace.Fixtures, "tokenizers")).Order(StringComparer.Ordinal)];

    /// <summary>The dense model of Bam's own family.</summary>
    public static string Dense { get; } = Path.Combine(Workspace.Fixtures, "bam", "dense-parallel");

    /// <summary>A tokenizer of the 95 printable letters.</summary>
    public static string LetterTokenizer { get; } = string.Join(
        '\n',
        OneLine("""
            {"version":"1.0","truncation":null,"padding":null,
            "added_tokens":[{"id":0,"content":"<s>","single_word":false,
            "lstrip":false,"rstrip":false,"normalized":false,"special":true}],
            """),
        OneLine($$$"""
            "normalizer":null,
            "model":{"type":"BPE","unk_token":"a","vocab":{"<s>":0,{{{LetterEntries()}}}},"merges":[]},
            """),
        OneLine("""
            "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
            "post_processor":null,"decoder":{"type":"ByteLevel"}}
            """));

    /// <summary>Copies a model's files into the case.</summary>
    public static string Model(Workspace workspace, string fixture, string name = "model") =>
        workspace.Copy($"{name}-{Path.GetFileName(fixture)}", target => CopyModel(fixture, target));

    /// <summary>An adapter of the fixtures, and the model that it belongs to.</summary>
    public static (string Model, string Adapter) Adapter(Workspace workspace, Dice dice)
    {
        var fixture = dice.Of(
            Directory.GetDirectories(Path.Combine(Workspace.Fixtures, "adapters")).Order(StringComparer.Ordinal).ToList());
        var adapter = workspace.Copy(Path.GetFileName(fixture), target => Workspace.CopyAll(fixture, target));
        var model = File.ReadAllText(Path.Combine(fixture, "base.txt")).Trim();
        return (Model(workspace, Path.Combine(Workspace.Fixtures, "hf", model)), adapter);
    }

    /// <summary>A dense model with a tokenizer and everything that other libraries lay beside one.</summary>
    public static string ModelWithTokenizer(Workspace workspace, string name = "speaker") => workspace.Copy(name, target =>
    {
        CopyModel(Dense, target);
        Write("tokenizer.json", LetterTokenizer);
        Write("generation_config.json", OneLine("""
            {"_from_model_config":true,"bos_token_id":0,"eos_token_id":[1,2],"pad_token_id":null,
            "temperature":0.6,"do_sample":true,"transformers_version":"5.0.0"}
            """));
        Write("tokenizer_config.json", OneLine("""
            {"bos_token":"<s>","eos_token":"!","added_tokens_decoder":{"0":{"content":"<s>","special":true}},
            "chat_template":"{{ x }}","model_max_length":128,"tokenizer_class":"PreTrainedTokenizerFast"}
            """));
        Write("special_tokens_map.json", """{"bos_token":{"content":"<s>","lstrip":false},"eos_token":"!"}""");
        Write("added_tokens.json", """{"<s>":0}""");
        Write("upcycling.json", OneLine("""
            {"method":"bam","seed":"/m/seed","experts":["/m/law","/m/code"],
            "router_seed":0,"dtype":"float32"}
            """));

        void Write(string file, string text) => File.WriteAllText(Path.Combine(target, file), text);
    });

    private static void CopyModel(string source, string target)
    {
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(source, file), Path.Combine(target, file));
    }

    private static string OneLine(string json) => json.ReplaceLineEndings("");

    private static string LetterEntries() => string.Join(
        ",", Enumerable.Range(1, 94).Select(i => $"{JsonSerializer.Serialize(((char)(' ' + i)).ToString())}:{i}"));

    /// <summary>A model of as many ids as the domain's tokenizer has.</summary>
    public static string LargeVocabulary(Workspace workspace) => workspace.Copy("reader", target =>
    {
        var stopped = workspace.Template("stopped", directory => BuildStoppedRun(workspace, directory));
        Workspace.CopyAll(Path.Combine(stopped, "run", "checkpoints", "step-2"), target);
    });

    /// <summary>A model in several files with their index.</summary>
    public static string ShardedModel(Workspace workspace) => workspace.Copy("shards", target => RunBam(
    [
        "mix", "soup", "--seed", Dense, "--expert", Dense, "--shard-size", "30kB", "--output", Path.Combine(target, "model"),
    ]));

    /// <summary>Text in one file for each domain.</summary>
    public static string Texts(Workspace workspace) => workspace.Copy("texts", WriteTexts);

    private static void WriteTexts(string target)
    {
        foreach (var domain in new[] { "general", "law", "code" })
        {
            var dice = new Dice(domain, 0);
            var documents = Enumerable.Range(0, 30)
                .Select(_ => string.Concat(Enumerable.Range(0, 40).Select(_ => dice.Of(Words))));
            var lines = documents.Select((text, i) => JsonSerializer.Serialize(new { id = i, text, source = domain }) + "\n");
            File.WriteAllText(Path.Combine(target, $"{domain}.txt"), string.Join("\n----\n", documents));
            File.WriteAllText(Path.Combine(target, $"{domain}.jsonl"), string.Concat(lines));
        }
    }

    /// <summary>Conversations, <c>talks.jsonl</c>, and a chat template, <c>talk.jinja</c>.</summary>
    public static string Talks(Workspace workspace) => workspace.Copy("talks", target =>
    {
        var dice = new Dice("talks", 0);
        string Say() => string.Concat(Enumerable.Range(0, 20).Select(_ => dice.Of(Words)));
        var lines = Enumerable.Range(0, 12).Select(i => i % 3 == 2
            ? JsonSerializer.Serialize(new
            {
                conversations = new[] { new { from = "human", value = Say() }, new { from = "gpt", value = Say() } },
            })
            : JsonSerializer.Serialize(new
            {
                messages = new object[]
                {
                    new { role = "system", content = Say() },
                    new { role = "user", content = new[] { new { type = "text", text = Say() } } },
                    new
                    {
                        role = "assistant", content = (string?)null, tool_calls = new[] { new { name = "f", arguments = "{}" } },
                    },
                    new { role = "tool", content = 4.5 },
                    new { role = "assistant", content = Say() },
                },
                tools = new[] { new { name = "f", parameters = new { a = 1 } } },
            }));
        File.WriteAllText(Path.Combine(target, "talks.jsonl"), string.Join('\n', lines) + "\n");
        File.WriteAllText(
            Path.Combine(target, "talk.jinja"),
            """
            {%- macro turn(role, mark='|') -%}
            <{{ mark }}{{ role | upper }}{{ mark }}>
            {%- endmacro -%}
            {% set ns = namespace(count=0) %}
            {%- if tools %}{{ tools | tojson(indent=2) }}{% endif %}
            {%- for message in messages if message.role is string %}
                {%- set ns.count = ns.count + 1 %}
                {{- turn(message['role']) }}
                {%- if message.role == 'assistant' and loop.index0 % 2 == 0 or message.tool_calls is defined %}
                    {%- generation %}{{ message.content or '' }}{% endgeneration %}
                {%- else %}
                    {{- ' ' ~ message.content | trim | replace('x', "y\n") }}
                {%- endif %}
                {%- if not loop.last and messages[1:] | length > 99 %}{{ raise_exception('too many') }}{% endif %}
            {% endfor %}
            {%- if add_generation_prompt %}{{ turn('assistant') }}{% endif %}
            """);
    });

    /// <summary>Token shards of a domain with the tokenizer that made them: <c>tokenizer.json</c> and <c>law/</c>.</summary>
    public static string Domain(Workspace workspace) => workspace.Copy("domain", target => BuildDomain(workspace, target));

    private static void BuildDomain(Workspace workspace, string target)
    {
        var text = Path.Combine(workspace.Template("texts", WriteTexts), "law.jsonl");
        var tokenizer = Path.Combine(target, "tokenizer.json");
        RunBam(["tokenizer", "train", text, "--vocab-size", "300", "--output", tokenizer]);
        RunBam(
        [
            "data", "build", "--input", text, "--tokenizer", tokenizer, "--output", Path.Combine(target, "law"),
            "--held-out-fraction", "0.2",
        ]);
    }

    /// <summary>A training that was stopped: <c>train.yaml</c>, its data, and <c>run/</c> with two checkpoints.</summary>
    public static string StoppedRun(Workspace workspace) =>
        workspace.Copy("stopped", target => BuildStoppedRun(workspace, target));

    private static void BuildStoppedRun(Workspace workspace, string target)
    {
        Workspace.CopyAll(workspace.Template("domain", domain => BuildDomain(workspace, domain)), target);
        var yaml = Path.Combine(target, "train.yaml");
        File.WriteAllText(yaml, TrainingYaml);
        RunBam(["train", yaml]);
        Directory.Delete(Path.Combine(target, "run", "model"), recursive: true);
    }

    /// <summary>A recipe, its text, and <c>run/</c> in which it has run.</summary>
    public static string FinishedRecipe(Workspace workspace) => workspace.Copy("finished", target =>
    {
        Workspace.CopyAll(workspace.Template("texts", WriteTexts), target);
        var yaml = Path.Combine(target, "recipe.yaml");
        File.WriteAllText(yaml, RecipeYaml);
        RunBam(["run", yaml, "--output", Path.Combine(target, "run")]);
    });

    public static string TrainingYaml => """
        config:
          vocab_size: 300
          hidden_size: 16
          intermediate_size: 16
          num_hidden_layers: 1
          num_attention_heads: 2
          num_key_value_heads: 2
          head_dim: 8
          max_position_embeddings: 64
          num_attention_experts: 2
          num_local_experts: 2
        data:
          - {domain: law, path: law, weight: 1}
        tokenizer: tokenizer.json
        output: run
        sequence_length: 8
        batch_size: 2
        steps: 3
        learning_rate: 1e-3
        freeze: ['model.embed_tokens.*']
        checkpoint_every: 1
        log_every: 1
        device: cpu
        """;

    public static string RecipeYaml => """
        domains:
          general: { files: [general.txt], section_separator: "----" }
          law: { files: [law.txt], section_separator: "----" }
          code: { files: [code.txt], section_separator: "----" }
        tokenizer: { vocab_size: 300 }
        data: { held_out_fraction: 0.1, near_duplicate_similarity: 1, contamination_share: 1 }
        model: { hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: &t { batch_size: 2, sequence_length: 16, warmup_steps: 1, device: cpu, log_every: 1, evaluate_every: 2 }
        seed: { steps: 4, learning_rate: 1e-2, shares: { general: 2, law: 1, code: 1 } }
        experts:
          law: { steps: 4 }
          code: { steps: 4 }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, steps: 4 }
          bam: { method: bam, share_key_value: true, match: { mixture: btx, by: flops } }
        probes:
          typos: { of: [law], corrupt: 0.1 }
        """;

    /// <summary>A safetensors file of a header and the bytes behind it.</summary>
    public static byte[] Safetensors(byte[] header, ReadOnlySpan<byte> data) =>
        [.. BitConverter.GetBytes((long)header.Length), .. header, .. data];

    /// <summary>The header of a safetensors file.</summary>
    public static byte[] HeaderOf(byte[] file) => file[8..(8 + (int)BitConverter.ToInt64(file))];

    /// <summary>
    /// Token ids as the input of <c>bam forward</c>: <paramref name="rows"/> texts of <paramref name="length"/> small ids.
    /// </summary>
    public static byte[] ForwardInput(int rows, int length, Dice dice)
    {
        var size = rows * length * sizeof(long);
        var header = Encoding.UTF8.GetBytes(
            $$$"""{"input_ids":{"dtype":"I64","shape":[{{{rows}}},{{{length}}}],"data_offsets":[0,{{{size}}}]}}""");
        var ids = new byte[size];
        for (var i = 0; i < size; i += sizeof(long)) ids[i] = (byte)dice.Next(24);
        return Safetensors(header, ids);
    }

    /// <summary>Runs a command line that must succeed.</summary>
    private static void RunBam(string[] arguments)
    {
        using var error = new StringWriter();
        if (Cli.CommandLine.Invoke(arguments, TextWriter.Null, error, CancellationToken.None) != 0)
            throw new InvalidOperationException($"bam {string.Join(' ', arguments)}: {error}");
    }
}
