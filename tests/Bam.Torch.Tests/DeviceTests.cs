using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class DeviceTests : TorchTest
{
    [Fact]
    public void Text_is_read_and_written()
    {
        Device.Parse("cpu").ShouldBe(Device.Cpu);
        Device.Parse("auto").ShouldBe(Device.CudaCount > 0 ? Device.Cuda(0) : Device.Cpu);
        Device.Cpu.ToString().ShouldBe("cpu");
        Device.Cuda(3).ToString().ShouldBe("cuda:3");
        default(Device).ShouldBe(Device.Cpu);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("CPU")]
    public void Other_text_is_refused(string text) =>
        Should.Throw<FormatException>(() => Device.Parse(text)).Message.ShouldContain($"found '{text}'");

    [Fact]
    public void A_GPU_that_is_not_there_is_refused() =>
        Should.Throw<FormatException>(() => Device.Parse("cuda:99")).Message.ShouldContain("'cuda:99' is not there");

    [Fact]
    public void Each_process_of_a_machine_gets_its_own_GPU()
    {
        const int rank = 98;
        Device.Parse("cpu", rank).ShouldBe(Device.Cpu);
        Should.Throw<FormatException>(() => Device.Parse("cuda", rank)).Message.ShouldContain("'cuda:98' is not there");
        Should.Throw<FormatException>(() => Device.Parse("cuda:99", rank)).Message.ShouldContain("'cuda:99' is not there");
        if (Device.CudaCount == 0) Device.Parse("auto", rank).ShouldBe(Device.Cpu);
        else Should.Throw<FormatException>(() => Device.Parse("auto", rank)).Message.ShouldContain("'cuda:98' is not there");
    }

    [Fact]
    public void Waiting_for_the_processor_does_nothing() => Device.Cpu.Synchronize();

    [SkippableFact]
    public void A_GPU_computes_what_the_processor_does()
    {
        Skip.If(Device.CudaCount == 0, "no CUDA device here");
        using var scope = TensorScope.Open();
        var x = Wave(8, 8);

        var y = x.To(Device.Cuda(0)).MatMul(x.To(Device.Cuda(0)));
        Device.Cuda(0).Synchronize();

        y.Device.ShouldBe(Device.Cuda(0));
        ShouldBeClose(y, x.MatMul(x).ToArray<float>());
    }
}
