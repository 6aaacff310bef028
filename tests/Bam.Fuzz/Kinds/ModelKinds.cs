using Bam.Fuzz.Mutations;

namespace Bam.Fuzz.Kinds;

/// <summary>Checkpoints, and the commands that read or make them.</summary>
internal static class ModelKinds
{
    public static string[] Config(Workspace workspace, Dice dice)
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

    public static string[] SafetensorsHeader(Workspace workspace, Dice dice)
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

    public static string[] SafetensorsData(Workspace workspace, Dice dice)
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

    public static string[] ShardIndex(Workspace workspace, Dice dice)
    {
        var model = Path.Combine(Samples.ShardedModel(workspace), "model");
        if (dice.Chance(0.1))
            File.Delete(dice.Of(Directory.GetFiles(model, "*.safetensors").Order(StringComparer.Ordinal).ToList()));

        Workspace.Mutate(Path.Combine(model, "model.safetensors.index.json"), bytes => JsonMutation.Of(bytes, dice));
        return ["inspect", model];
    }

    public static string[] Adapters(Workspace workspace, Dice dice)
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

    public static string[] Companions(Workspace workspace, Dice dice)
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

    public static string[] Mixtures(Workspace workspace, Dice dice)
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

    public static string[] Exports(Workspace workspace, Dice dice)
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

    public static string[] MixtureRecord(Workspace workspace, Dice dice)
    {
        var model = Samples.ModelWithTokenizer(workspace);
        Workspace.Mutate(Path.Combine(model, "upcycling.json"), bytes => JsonMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? ["inspect", model]
            : ["cost", model, "--plan", "--peak", "1T", "--tokens", "1M", "--expert-tokens", "1M"];
    }

    public static string[] ForwardInputs(Workspace workspace, Dice dice)
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
}
