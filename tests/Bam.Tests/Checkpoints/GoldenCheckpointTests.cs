using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class GoldenCheckpointTests
{
    [Theory, MemberData(nameof(Fixtures.ModelNames), MemberType = typeof(Fixtures))]
    public void The_parameter_table_names_exactly_the_tensors_of_every_golden_model(string name)
    {
        using var checkpoint = Checkpoint.Open(Fixtures.Model(name), SilentReporter.Instance);
        using var file = SafetensorsFile.Open(Path.Combine(Fixtures.Model(name), "model.safetensors"));
        var expected = file.Tensors.Values.Select(t => $"{t.Name} {string.Join('x', t.Shape)}").Order();
        checkpoint.Parameters.Select(p => $"{p.Name} {string.Join('x', p.Shape)}").Order().ShouldBe(expected);
        checkpoint.Dtype.ShouldBe(TensorDtype.Float32);
    }

    [Theory, MemberData(nameof(Fixtures.ModelNames), MemberType = typeof(Fixtures))]
    public void Every_gradient_of_the_reference_belongs_to_a_parameter(string name)
    {
        using var expected = SafetensorsFile.Open(Path.Combine(Fixtures.Model(name), "expected.safetensors"));
        var parameters = ParameterTable.Of(ModelConfigReader.Load(Fixtures.Model(name), SilentReporter.Instance));
        foreach (var parameter in parameters)
            expected[$"grad.{parameter.Name}"].Shape.ShouldBe(parameter.Shape);
        expected.ReadInt64("input_ids").Length.ShouldBe((int)expected["input_ids"].Count);
    }

    [Theory, MemberData(nameof(Fixtures.ModelNames), MemberType = typeof(Fixtures))]
    public void A_configuration_survives_writing_and_reading(string name)
    {
        var config = ModelConfigReader.Load(Fixtures.Model(name), SilentReporter.Instance);
        ModelConfigReader.Parse(config.ToJson(), "config.json", SilentReporter.Instance).ShouldBe(config);
    }
}
