using System.Globalization;
using System.Text.RegularExpressions;
using Bam.Checkpoints.Safetensors;
using Bam.Upcycling;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>A plan: human-readable with the layers taken together, or as JSON with every tensor.</summary>
internal static partial class MixturePlanView
{
    public static void Show(MixturePlan plan, Invocation invocation)
    {
        var result = new
        {
            Method = plan.Method.Name,
            Dtype = plan.Dtype.TorchName,
            Bytes = plan.ByteLength,
            plan.Options.Models,
            Tensors = plan.Tensors.Select(tensor => new
            {
                tensor.Parameter.Name,
                tensor.Parameter.Shape,
                From = NameOf(tensor.Recipe),
                Model = (tensor.Recipe as TensorRecipe.Copy)?.Model,
                Weights = (tensor.Recipe as TensorRecipe.WeightedMean)?.Weights,
            }),
        };
        invocation.WriteResult(result, console => console.Write(Draw(plan)));
    }

    private static Table Draw(MixturePlan plan)
    {
        var table = new Table().AddColumns("tensor", "shape", "from").Border(TableBorder.Simple)
            .Caption(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{plan.Tensors.Count} tensors, {plan.Dtype.TorchName}, {plan.ByteLength:N0} bytes"));
        foreach (var group in plan.Tensors.GroupBy(tensor => Layer().Replace(tensor.Parameter.Name, ".layers.*.")))
        {
            var tensor = group.First();
            table.AddRow(
                ResultText.Label(group.Key), ResultText.Label($"[{string.Join(", ", tensor.Parameter.Shape)}]"),
                ResultText.Label(Describe(tensor.Recipe, plan.Options)));
        }

        return table;
    }

    private static string NameOf(TensorRecipe recipe) => recipe switch
    {
        TensorRecipe.Copy => "copy",
        TensorRecipe.WeightedMean => "weighted-mean",
        TensorRecipe.MeanOfRows => "mean-of-rows",
        TensorRecipe.Normal => "normal",
        TensorRecipe.Calibrated => "calibrated",
        _ => "mean",
    };

    private static string Describe(TensorRecipe recipe, MixtureOptions options) => recipe switch
    {
        TensorRecipe.Copy copy => $"copy of {options.Models[copy.Model]}",
        TensorRecipe.WeightedMean mean =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"mean of {mean.Weights.Count} models, weights "
                + $"{string.Join(", ", mean.Weights.Select(weight => weight.ToString("0.###", CultureInfo.InvariantCulture)))}"),
        TensorRecipe.Normal normal =>
            string.Create(CultureInfo.InvariantCulture, $"random, N(0, σ = {normal.StandardDeviation})"),
        TensorRecipe.MeanOfRows mean =>
            $"mean of {options.Models.Count} models, rows {string.Join(", ", mean.Spans.Select(Describe))}",
        TensorRecipe.Calibrated => $"calibrated on {string.Join(", ", options.RouterTexts!.Inputs)}",
        _ => $"mean of {options.Models.Count} models",
    };

    private static string Describe(RowSpan span) =>
        $"{span.Start} to {span.End - 1} {(span.Models.Count > 0 ? $"of {span.Models.Count}" : "the mean of all others")}";

    [GeneratedRegex(@"\.layers\.[0-9]+\.")]
    private static partial Regex Layer();
}
