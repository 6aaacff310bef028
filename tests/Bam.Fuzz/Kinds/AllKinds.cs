using System.Text;
using Bam.Fuzz.Mutations;

namespace Bam.Fuzz.Kinds;

/// <summary>Every kind of input. What computes or trains has a smaller share.</summary>
internal static class AllKinds
{
    public static IReadOnlyList<Kind> List { get; } =
    [
        new("config", 20, Config),
        new("safetensors-header", 20, SafetensorsHeader),
        new("safetensors-data", 10, SafetensorsData),
        new("shard-index", 15, ShardIndex),
        new("model-companions", 4, Companions),
        new("adapters", 12, Adapters),
        new("tokenizer", 15, TokenizerText),
        new("token-ids", 10, TokenIds),
        new("indexed-data", 15, IndexedData),
        new("data-report", 15, DataReport),
        new("measured-data", 4, MeasuredData),
        new("json-lines", 8, JsonLines),
        new("conversations", 8, Conversations),
        new("chat-template", 8, ChatTemplate),
        new("gzip", 8, Gzip),
        new("zstd", 8, Zstd),
        new("parquet", 8, Parquet),
        new("text", 8, Text),
        new("tokenizer-training", 6, TokenizerTraining),
        new("training-yaml", 8, TrainingYaml),
        new("recipe-yaml", 10, RecipeYaml),
        new("run-state", 3, (workspace, dice) =>
            Resumed(workspace, dice, "trainer_state.json", "config.json", "optimizer.safetensors", "model.safetensors")),
        new("run-identity", 3, (workspace, dice) => Resumed(workspace, dice, "identity.json", "config.resolved.yaml")),
        new("run-metrics", 3, (workspace, dice) => Resumed(workspace, dice, "metrics.jsonl")),
        new("results", 12, (workspace, dice) => Reported(workspace, dice, "results.json")),
        new("reported-metrics", 10, (workspace, dice) => Reported(workspace, dice, "metrics.jsonl")),
        new("phases", 8, Phases),
        new("mixtures", 6, Mixtures),
        new("exports", 6, Exports),
        new("forward-inputs", 6, ForwardInputs),
        new("mixture-record", 8, MixtureRecord),
        new("command-lines", 10, CommandLines.Make),
    ];

    private static string[] Config(Workspace workspace, Dice dice)
    {
        var model = Samples.Model(workspace, dice.Of(Samples.Models));
        Workspace.Mutate(Path.Combine(model, "config.json"), bytes => JsonMutation.Of(bytes, dice));
        return dice.Next(4) switch
        {
            0 => ["cost", model, "--json"],
            1 => ["cost", Path.Combine(model, "config.json")],
            2 => ["inspect", model],
            _ => ["inspect", model, "--json"],
        };
    }

    private static string[] SafetensorsHeader(Workspace workspace, Dice dice)
    {
        var model = Samples.Model(workspace, dice.Of(Samples.Models));
        Workspace.Mutate(Path.Combine(model, "model.safetensors"), file =>
        {
            var header = Samples.HeaderOf(file);
            return dice.Chance(0.1)
                ? ByteMutation.Of(file[..(8 + header.Length)], dice).Concat(file[(8 + header.Length)..]).ToArray()
                : Samples.Safetensors(JsonMutation.Of(header, dice), file.AsSpan(8 + header.Length));
        });
        return dice.Chance(0.1) ? ["inspect", model, Samples.Dense] : ["inspect", model];
    }

    private static string[] SafetensorsData(Workspace workspace, Dice dice)
    {
        var model = Samples.Model(workspace, dice.Of(Samples.Models));
        MutateTensorData(model, dice);
        if (dice.Chance(0.7)) return ["inspect", model];
        File.WriteAllBytes(workspace["in.safetensors"], Samples.ForwardInput(2, 6, dice));
        return
        [
            "forward", model, "--input", workspace["in.safetensors"], "--output", workspace["out.safetensors"], "--device", "cpu",
        ];
    }

    private static string[] ShardIndex(Workspace workspace, Dice dice)
    {
        var model = Path.Combine(Samples.ShardedModel(workspace), "model");
        if (dice.Chance(0.1))
            File.Delete(dice.Of(Directory.GetFiles(model, "*.safetensors").Order(StringComparer.Ordinal).ToList()));

        Workspace.Mutate(Path.Combine(model, "model.safetensors.index.json"), bytes => JsonMutation.Of(bytes, dice));
        return ["inspect", model];
    }

    private static string[] Adapters(Workspace workspace, Dice dice)
    {
        var (model, adapter) = Samples.Adapter(workspace, dice);
        var weights = Path.Combine(adapter, "adapter_model.safetensors");
        if (dice.Chance(0.6))
            Workspace.Mutate(Path.Combine(adapter, "adapter_config.json"), bytes => JsonMutation.Of(bytes, dice));
        else if (dice.Chance(0.5)) Workspace.Mutate(weights, bytes => ByteMutation.Of(bytes, dice));
        else
        {
            Workspace.Mutate(weights, file =>
            {
                var header = Samples.HeaderOf(file);
                return Samples.Safetensors(JsonMutation.Of(header, dice), file.AsSpan(8 + header.Length));
            });
        }

        var both = $"{model}+{adapter}";
        return dice.Next(4) switch
        {
            0 => ["inspect", both],
            1 => ["inspect", both, model],
            2 => ["export", both, "--merge", "--output", workspace["out"]],
            _ => ["mix", "soup", "--seed", model, "--expert", both, "--output", workspace["out"]],
        };
    }

    private static string[] Companions(Workspace workspace, Dice dice)
    {
        var model = Samples.ModelWithTokenizer(workspace);
        var file = dice.Of(
        [
            "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json",
        ]);
        Workspace.Mutate(Path.Combine(model, file), bytes => JsonMutation.Of(bytes, dice));
        return dice.Next(4) switch
        {
            0 => ["inspect", model],
            1 => ["export", model, "--format", "hf", "--output", workspace["out"]],
            2 => ["mix", "soup", "--seed", model, "--expert", model, "--output", workspace["out"]],
            _ => ["generate", model, "--prompt", "Once", "--max-tokens", "2", "--device", "cpu"],
        };
    }

    private static string[] TokenizerText(Workspace workspace, Dice dice)
    {
        var tokenizer = Tokenizer(workspace, dice);
        Workspace.Mutate(tokenizer, bytes => JsonMutation.Of(bytes, dice));
        var text = dice.Of(
        [
            "Hello, world!", "", "  a\tb\n\nc  ", "Straße 漢字 😀 é e\u0301", "\u0000\u001b", new string('x', 3000),
            "<s> </s> <|endoftext|>", "1234567890",
        ]);
        File.WriteAllText(workspace["text.txt"], text);
        return ["tokenizer", "encode", workspace["text.txt"], "--tokenizer", tokenizer];
    }

    private static string[] TokenIds(Workspace workspace, Dice dice)
    {
        var tokenizer = Tokenizer(workspace, dice);
        if (dice.Chance(0.5)) Workspace.Mutate(tokenizer, bytes => JsonMutation.Of(bytes, dice));
        var ids = Enumerable.Range(0, 1 + dice.Next(12)).Select(_ =>
            dice.Chance(0.9) ? $"{dice.Next(1000)}" : dice.Of(["-1", "2147483647", "2147483648", "x", "[1, 2]", "1e3", ","]));
        File.WriteAllText(workspace["ids.txt"], string.Join(' ', ids));
        return
        [
            "tokenizer", "decode", workspace["ids.txt"], "--tokenizer", tokenizer,
            .. dice.Chance(0.5) ? ["--skip-special-tokens"] : Array.Empty<string>(),
        ];
    }

    private static string Tokenizer(Workspace workspace, Dice dice)
    {
        var source = dice.Of(Samples.Tokenizers);
        var directory = workspace.Copy(Path.GetFileName(source), target =>
            File.Copy(Path.Combine(source, "tokenizer.json"), Path.Combine(target, "tokenizer.json")));
        return Path.Combine(directory, "tokenizer.json");
    }

    private static string[] IndexedData(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        var prefix = Path.Combine(domain, "law", "train");
        if (dice.Chance(0.3)) Workspace.Mutate($"{prefix}.bin", bytes => ByteMutation.InPlace(bytes, dice));
        else Workspace.Mutate($"{prefix}.{(dice.Chance(0.8) ? "idx" : "bin")}", bytes => ByteMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? ["data", "inspect", prefix]
            : ["data", "inspect", prefix, "--tokenizer", Path.Combine(domain, "tokenizer.json"), "--documents", "2"];
    }

    private static string[] DataReport(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        Workspace.Mutate(Path.Combine(domain, "law", "report.json"), bytes => JsonMutation.Of(bytes, dice));
        return ["data", "inspect", Path.Combine(domain, "law")];
    }

    private static string[] MeasuredData(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        var file = dice.Of(["heldout.idx", "heldout.bin", "report.json"]);
        Workspace.Mutate(Path.Combine(domain, "law", file), bytes => Path.GetExtension(file) switch
        {
            ".json" => JsonMutation.Of(bytes, dice),
            ".bin" => ByteMutation.InPlace(bytes, dice),
            _ => ByteMutation.Of(bytes, dice),
        });
        return
        [
            "eval", "perplexity", Samples.LargeVocabulary(workspace),
            "--data", dice.Chance(0.5) ? Path.Combine(domain, "law") : Path.Combine(domain, "law", "heldout"),
            "--window", "16", "--device", "cpu",
        ];
    }

    private static string[] JsonLines(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), "law.jsonl");
        MutateLines(file, dice);
        return Build(workspace, file);
    }

    private static string[] Conversations(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Talks(workspace), "talks.jsonl");
        MutateLines(file, dice);
        return BuildTalks(workspace, file, dice);
    }

    private static string[] ChatTemplate(Workspace workspace, Dice dice)
    {
        var talks = Samples.Talks(workspace);
        Workspace.Mutate(Path.Combine(talks, "talk.jinja"), bytes => TextMutation.Of(bytes, dice));
        return BuildTalks(workspace, Path.Combine(talks, "talks.jsonl"), dice);
    }

    private static string[] BuildTalks(Workspace workspace, string file, Dice dice) =>
        [
            .. Build(workspace, file), "--chat", "--loss-on", dice.Of(["assistant", "all"]), "--template",
            Path.Combine(Path.GetDirectoryName(file)!, "talk.jinja"),
        ];

    private static void MutateLines(string file, Dice dice) => Workspace.Mutate(file, bytes =>
        {
            var lines = Encoding.UTF8.GetString(bytes).Split('\n');
            for (var edits = dice.Few(); edits > 0; edits--)
            {
                var at = dice.Next(lines.Length);
                lines[at] = Encoding.UTF8.GetString(JsonMutation.Of(Encoding.UTF8.GetBytes(lines[at]), dice));
            }

            var text = Encoding.UTF8.GetBytes(string.Join('\n', lines));
            return dice.Chance(0.2) ? ByteMutation.Of(text, dice) : text;
        });

    private static string[] Gzip(Workspace workspace, Dice dice) => Compressed(workspace, dice, GzipMembers.Of, ".gz");

    private static string[] Zstd(Workspace workspace, Dice dice) => Compressed(workspace, dice, ZstdFrames.Of, ".zst");

    private static string[] Compressed(
        Workspace workspace, Dice dice, Func<byte[], Dice, byte[]> compression, string extension)
    {
        var file = Path.Combine(Samples.Texts(workspace), dice.Of(["law.jsonl", "law.txt"]));
        Workspace.Mutate(file, bytes =>
        {
            if (dice.Chance(0.2)) bytes = ByteMutation.Of(bytes, dice);
            var packed = compression(bytes, dice);
            return dice.Chance(0.6) ? packed : ByteMutation.Of(packed, dice);
        });
        File.Move(file, file + extension);
        return Build(workspace, file + extension);
    }

    private static string[] Parquet(Workspace workspace, Dice dice)
    {
        var file = workspace["law.parquet"];
        File.WriteAllBytes(file, dice.Chance(0.1) ? ParquetRows.Of(dice) : ParquetRows.Mutant(ParquetRows.Of(dice), dice));
        return
        [
            .. Build(workspace, file),
            .. dice.Chance(0.2) ? ["--text-key", dice.Of(["body.text", "id", "none"])] : Array.Empty<string>(),
            .. dice.Chance(0.2) ? ["--group-key", "source"] : Array.Empty<string>(),
        ];
    }

    private static string[] Text(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), "law.txt");
        Workspace.Mutate(file, bytes => TextMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? Build(workspace, file)
            :
            [
                .. Build(workspace, file), "--section-separator", "----",
                "--held-out-fraction", dice.Of(["0", "0.5", "1", "x"]),
            ];
    }

    private static string[] Build(Workspace workspace, string input) =>
        [
            "data", "build", "--input", input, "--tokenizer", Path.Combine(Samples.Domain(workspace), "tokenizer.json"),
            "--output", workspace["out"],
        ];

    private static string[] TokenizerTraining(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), dice.Of(["law.txt", "law.jsonl"]));
        Workspace.Mutate(file, bytes => TextMutation.Of(bytes, dice));
        return
        [
            "tokenizer", "train", file,
            "--vocab-size", dice.Chance(0.7) ? $"{257 + dice.Next(60)}" : dice.Of(["256", "0", "-1", "x", "1000000"]),
            "--output", workspace["out.json"],
        ];
    }

    private static string[] TrainingYaml(Workspace workspace, Dice dice)
    {
        var yaml = Path.Combine(Samples.Domain(workspace), "train.yaml");
        File.WriteAllBytes(yaml, YamlMutation.Of(Encoding.UTF8.GetBytes(Samples.TrainingYaml), dice));
        return ["train", yaml];
    }

    private static string[] RecipeYaml(Workspace workspace, Dice dice)
    {
        var yaml = Path.Combine(Samples.Texts(workspace), "recipe.yaml");
        File.WriteAllBytes(yaml, YamlMutation.Of(Encoding.UTF8.GetBytes(Samples.RecipeYaml), dice));
        return ["run", yaml, "--dry-run", "--output", workspace["out"]];
    }

    private static string[] Resumed(Workspace workspace, Dice dice, params string[] names)
    {
        var stopped = Samples.StoppedRun(workspace);
        Damage(stopped, dice, names);
        return ["train", Path.Combine(stopped, "train.yaml")];
    }

    private static string[] Reported(Workspace workspace, Dice dice, string name)
    {
        var run = Path.Combine(Samples.FinishedRecipe(workspace), "run");
        Damage(run, dice, name);
        return ["report", run, "--output", workspace["report.html"]];
    }

    private static string[] Phases(Workspace workspace, Dice dice)
    {
        var finished = Samples.FinishedRecipe(workspace);
        Damage(finished, dice, "done.json", "phase.json", "inputs.json");
        return
        [
            "run", Path.Combine(finished, "recipe.yaml"), "--output", Path.Combine(finished, "run"),
            .. dice.Chance(0.8) ? ["--dry-run"] : Array.Empty<string>(),
        ];
    }

    // One of the files of these names: a mutant, gone, empty or a directory.
    private static void Damage(string directory, Dice dice, params string[] names)
    {
        var name = dice.Of(names);
        var files = Directory.GetFiles(directory, name, SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        var file = dice.Of(files);
        switch (dice.Next(25))
        {
            case 0:
                File.Delete(file);
                break;
            case 1:
                File.Delete(file);
                Directory.CreateDirectory(file);
                break;
            case 2:
                File.WriteAllText(file, "");
                break;
            default:
                Workspace.Mutate(file, bytes => Path.GetExtension(name) switch
                {
                    ".json" => JsonMutation.Of(bytes, dice),
                    ".yaml" => YamlMutation.Of(bytes, dice),
                    ".jsonl" => LineMutation(bytes, dice),
                    _ => ByteMutation.Of(bytes, dice),
                });
                break;
        }
    }

    private static byte[] LineMutation(byte[] bytes, Dice dice)
    {
        if (dice.Chance(0.2)) return ByteMutation.Of(bytes, dice);
        var lines = Encoding.UTF8.GetString(bytes).Split('\n');
        var at = dice.Next(lines.Length);
        lines[at] = Encoding.UTF8.GetString(JsonMutation.Of(Encoding.UTF8.GetBytes(lines[at]), dice));
        return Encoding.UTF8.GetBytes(string.Join('\n', lines));
    }

    private static string[] Mixtures(Workspace workspace, Dice dice)
    {
        var (seed, expert) = (Samples.ModelWithTokenizer(workspace, "seed"), Samples.ModelWithTokenizer(workspace, "expert"));
        MutateModel(dice.Chance(0.5) ? seed : expert, dice);
        return
        [
            "mix", dice.Of(["bam", "btx", "soup", "sparse"]), "--seed", seed, "--expert", expert, "--output", workspace["out"],
            .. dice.Chance(0.3) ? ["--dry-run"] : Array.Empty<string>(),
            .. dice.Chance(0.2) ? ["--dtype", dice.Of(["float16", "bfloat16", "float64"])] : Array.Empty<string>(),
        ];
    }

    private static string[] Exports(Workspace workspace, Dice dice)
    {
        var model = dice.Chance(0.4) ? Samples.ModelWithTokenizer(workspace) : Samples.Model(workspace, dice.Of(Samples.Models));
        MutateModel(model, dice);
        return
        [
            "export", model, "--format", dice.Of(["hf", "hf", "hf", "llama", "mixtral", "gguf"]), "--output", workspace["out"],
            .. dice.Chance(0.3)
                ? ["--dtype", dice.Of(["float16", "bfloat16", "float32", "float64", "q8_0"])]
                : Array.Empty<string>(),
        ];
    }

    private static void MutateModel(string model, Dice dice)
    {
        switch (dice.Next(4))
        {
            case 0 when File.Exists(Path.Combine(model, "tokenizer.json")):
                Workspace.Mutate(Path.Combine(model, "tokenizer.json"), bytes => JsonMutation.Of(bytes, dice));
                break;
            case 1:
                Workspace.Mutate(Path.Combine(model, "model.safetensors"), file =>
                {
                    var header = Samples.HeaderOf(file);
                    return Samples.Safetensors(JsonMutation.Of(header, dice), file.AsSpan(8 + header.Length));
                });
                break;
            case 2:
                MutateTensorData(model, dice);
                break;
            default:
                Workspace.Mutate(Path.Combine(model, "config.json"), bytes => JsonMutation.Of(bytes, dice));
                break;
        }
    }

    private static void MutateTensorData(string model, Dice dice) => Workspace.Mutate(
        Path.Combine(model, "model.safetensors"), file => ByteMutation.Of(file, dice, 8 + Samples.HeaderOf(file).Length));

    private static string[] ForwardInputs(Workspace workspace, Dice dice)
    {
        var model = Samples.Model(workspace, dice.Of(Samples.Models));
        var file = Samples.ForwardInput(1 + dice.Next(3), 1 + dice.Next(9), dice);
        var header = Samples.HeaderOf(file);
        File.WriteAllBytes(workspace["in.safetensors"], dice.Next(5) switch
        {
            0 or 1 => file,
            2 => ByteMutation.Of(file, dice, dice.Chance(0.5) ? 8 + header.Length : 0),
            _ => Samples.Safetensors(JsonMutation.Of(header, dice), file.AsSpan(8 + header.Length)),
        });
        return
        [
            "forward", model, "--input", workspace["in.safetensors"], "--output", workspace["out.safetensors"], "--device", "cpu",
            .. dice.Chance(0.2) ? ["--gradients"] : Array.Empty<string>(),
        ];
    }

    private static string[] MixtureRecord(Workspace workspace, Dice dice)
    {
        var model = Samples.ModelWithTokenizer(workspace);
        Workspace.Mutate(Path.Combine(model, "upcycling.json"), bytes => JsonMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? ["inspect", model]
            : ["cost", model, "--plan", "--peak", "1T", "--tokens", "1M", "--expert-tokens", "1M"];
    }
}
