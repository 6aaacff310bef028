using System.Text;
using Bam.Fuzz.Mutations;

namespace Bam.Fuzz.Kinds;

/// <summary>Trainings and recipes: their files, and what they leave.</summary>
internal static class RunKinds
{
    public static string[] TrainingYaml(Workspace workspace, Dice dice)
    {
        var yaml = Path.Combine(Samples.Domain(workspace), "train.yaml");
        File.WriteAllBytes(yaml, YamlMutation.Of(Encoding.UTF8.GetBytes(Samples.TrainingYaml), dice));
        return ["train", yaml];
    }

    public static string[] RecipeYaml(Workspace workspace, Dice dice)
    {
        var yaml = Path.Combine(Samples.Texts(workspace), "recipe.yaml");
        File.WriteAllBytes(yaml, YamlMutation.Of(Encoding.UTF8.GetBytes(Samples.RecipeYaml), dice));
        return ["run", yaml, "--dry-run", "--output", workspace["out"]];
    }

    public static string[] Resumed(Workspace workspace, Dice dice, params string[] names)
    {
        var stopped = Samples.StoppedRun(workspace);
        Damage(stopped, dice, names);
        return ["train", Path.Combine(stopped, "train.yaml")];
    }

    public static string[] Reported(Workspace workspace, Dice dice, string name)
    {
        var run = Path.Combine(Samples.FinishedRecipe(workspace), "run");
        Damage(run, dice, name);
        return ["report", run, "--output", workspace["report.html"]];
    }

    public static string[] Phases(Workspace workspace, Dice dice)
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
}
